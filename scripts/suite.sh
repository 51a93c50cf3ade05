#!/usr/bin/env bash
# The tests of what is built. With a number: so many times in a row, until one fails, counts only.
# Beside busy processes: node scripts/in-busy.mjs -- bash scripts/suite.sh 10
set -euo pipefail
cd "$(dirname "$0")/.."
shopt -s globstar

run() {
  node --test --test-concurrency=3 --test-timeout=300000 --test-reporter=spec \
    dist/test/**/*.test.js chaos/*.test.mjs bench/*.test.mjs
}

if [ $# -eq 0 ]; then
  run
  exit
fi
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for ((n = 1; n <= $1; n++)); do
  run >"$output" 2>&1 || { cat "$output"; exit 1; }
  echo "run $n: $(grep -E '^. (pass|fail|skipped|duration_ms) ' "$output" | tr '\n' ' ')"
done
