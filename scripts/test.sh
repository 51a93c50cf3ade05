#!/usr/bin/env bash
# Everything that a change has to pass: lint, types, build, tests with coverage, the package. Ends with
# the counts of the test runner. Arguments: test files to run instead of all, without coverage.
set -euo pipefail
cd "$(dirname "$0")/.."

npm run --silent lint
rm -rf dist
npm run --silent build

if [ $# -gt 0 ]; then
  exec node --test "${@/#/dist/}"
fi

shopt -s globstar
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
# Thresholds: see "c8" in package.json. Spawned children count too.
npx c8 node --test --test-concurrency=2 --test-reporter=spec dist/test/**/*.test.js | tee "$counts"
bash scripts/pack-check.sh
grep -E '^. (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ' "$counts"
