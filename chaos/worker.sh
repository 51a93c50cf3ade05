#!/bin/sh
# The command of `sigmq consume -- CMD`: writes down what it got and does what the message says (see Fate
# in ledger.mjs). $OUT: the file of its consumer. $MARKS: a folder of what was given back.
IFS= read -r text || [ -n "$text" ] || exit 1
printf '%s %s %s\n' "$SIGMQ_ID" "$SIGMQ_ATTEMPT" "$text" >>"$OUT"
rest=${text#* }
case ${rest%% *} in
fail) [ "$SIGMQ_ATTEMPT" -gt 1 ] || exit 1 ;;
later) ! mkdir "$MARKS/$SIGMQ_ID" 2>/dev/null || exit 75 ;;
slow) [ "$SIGMQ_ATTEMPT" -gt 1 ] || sleep 4 ;;
bad) exit 65 ;;
esac
