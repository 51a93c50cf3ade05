#!/usr/bin/env bash
# Packs the package and uses it as a stranger would: installed into an empty folder on a path with a
# space, without install scripts.
set -euo pipefail
cd "$(dirname "$0")/.."
npx publint --strict

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/with space"
npm pack --silent --ignore-scripts --pack-destination "$folder" >/dev/null
for unwanted in dist/test src/signals/native; do
  if tar -tzf "$folder"/sigmq-*.tgz | grep -q "^package/$unwanted"; then
    echo "pack-check: $unwanted should not be in the package" >&2
    exit 1
  fi
done
cd "$folder/with space"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts ../sigmq-*.tgz
export SIGMQ_DIR="$folder/run" XDG_STATE_HOME="$folder/state"
node --input-type=module -e "
  import { Broker, Consumer, Producer, SignalCodec } from 'sigmq';
  for (const part of [Broker, Consumer, Producer, SignalCodec]) if (!part) process.exit(1);
"
node_modules/.bin/sigmq --version >/dev/null
node_modules/.bin/sigmq broker 2>broker.log &
broker=$!
until grep -q 'runs in' broker.log; do
  kill -0 $broker || { cat broker.log; exit 1; }
  sleep 0.1
done
node_modules/.bin/sigmq send hello
kill -TERM $broker
wait $broker
if [ "$(uname -s)" = Linux ] && grep -q 'plain peer' broker.log; then
  echo "pack-check: note: there is no addon for this machine in the package"
fi
echo "pack-check: the package installs and works"
