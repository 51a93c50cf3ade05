#!/bin/sh
# The command of `sigmq consume -- CMD`: writes down what it got, does what the message says (see Fate in
# message.mjs), prints a reply for whoever asks, and writes down that it came to its end. $OUT: the file of its consumer.
# $MARKS: a folder of what was given back. $SLOW, $LONG: seconds.
IFS= read -r text || [ -n "$text" ] || exit 1
run="$SIGMQ_ID $SIGMQ_ATTEMPT $$"
read -r now _ </proc/uptime
printf '%s %s %s %s\n' "$run" "${SIGMQ_MESSAGE_RELEASES:-0}" "$now" "$text" >>"$OUT"
code=0
rest=${text#* }
case ${rest%% *} in
fail) [ "$SIGMQ_ATTEMPT" -gt 1 ] || exit 1 ;;
stubborn) [ "$SIGMQ_ATTEMPT" -gt 3 ] || exit 1 ;;
later) ! mkdir "$MARKS/$SIGMQ_ID" 2>/dev/null || exit 75 ;;
poison) [ -e "$MARKS/antidote" ] || exit 75 ;;
slow) [ "$SIGMQ_ATTEMPT" -gt 1 ] || sleep "${SLOW:-4}" ;;
long) sleep "$LONG" ;;
three) code=3 ;;
bad) exit 65 ;;
esac
printf '%s %s\n' "$run" "$text"
# With its consumer gone nobody is told.
read -r consumer <"$OUT.pid"
read -r _ _ _ parent _ <"/proc/$$/stat"
[ "$parent" != "$consumer" ] || printf '%s\n' "$run" >>"$OUT.ended"
exit "$code"
