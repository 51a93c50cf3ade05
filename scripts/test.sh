#!/usr/bin/env bash
# Everything that a change has to pass: lint, types, build, tests with coverage, the package. Ends with
# the counts of the test runner. Arguments: test files to run instead of all, without coverage. SIGMQ_BUILT=1: dist is
# what `npm ci` has just built from a clean checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

npm run --silent lint
npm run --silent unused
npm run --silent check-addon
built=${SIGMQ_BUILT:-}
unset SIGMQ_BUILT # what begins like this is for sigmq
if [ "$built" != 1 ]; then
  rm -rf dist
  npm run --silent build
fi
npm run --silent types:tools
npx tsc -p test-d

if [ $# -gt 0 ]; then
  exec node --test "${@/#/dist/}"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
node scripts/bundle.mjs --readable
NODE_V8_COVERAGE="$scratch/coverage" bash scripts/suite.sh | tee "$scratch/counts"
node scripts/coverage.mjs "$scratch/coverage"
node scripts/bundle.mjs
node scripts/code-cache.mjs
bash scripts/pack-check.sh
grep -E '^. (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ' "$scratch/counts"
