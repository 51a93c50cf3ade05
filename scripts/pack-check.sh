#!/usr/bin/env bash
# Packs the package and uses it as a stranger would: installed into an empty folder on a path with spaces,
# without install scripts and without a compiler, on each Node.js that is supported; with the addon, and as
# a plain peer with the addon removed.
set -euo pipefail
cd "$(dirname "$0")/.."
NODES=(20 22 24)

npx publint --strict
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --ignore-scripts --pack-destination "$folder" >/dev/null
tarball=$(echo "$folder"/sigmq-*.tgz)
for unwanted in dist/test dist/src src; do
  if tar -tzf "$tarball" | grep -q "^package/$unwanted"; then
    echo "pack-check: $unwanted should not be in the package" >&2
    exit 1
  fi
done

if ! npm view chalk version --prefer-online --fetch-retries=0 --fetch-timeout=10000 >/dev/null 2>&1; then
  echo "pack-check: SKIPPED: the installed package: npm does not reach $(npm config get registry)"
  exit
fi
home="$folder/a home with spaces"
mkdir -p "$home"
cd "$home"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
sigmq="$home/node_modules/.bin/sigmq"

# Becomes sigmq, so call it in a subshell. Only Node is on its PATH: no compiler, no shell tools.
node_only() { # folder with a `node`, arguments of sigmq
  local bin=$1
  shift
  exec env -i PATH="$bin" HOME="$home" SIGMQ_DIR="$home/run" "$bin/node" "$sigmq" "$@"
}

works_with() { # folder with a `node`, `addon` or `plain`
  local bin=$1 kind=$2 broker consumer
  rm -rf "$home/run" "$home/.local"
  : >broker.log
  : >consumer.log
  node_only "$bin" broker 2>broker.log &
  broker=$!
  until grep -q 'runs in' broker.log; do
    kill -0 $broker || { cat broker.log >&2; return 1; }
    sleep 0.1
  done
  node_only "$bin" consume --count 1 >received 2>consumer.log &
  consumer=$!
  until grep -q 'waits for' consumer.log; do
    kill -0 $consumer || { cat consumer.log >&2; return 1; }
    sleep 0.1
  done
  (node_only "$bin" send hello 2>send.log)
  wait $consumer
  kill -TERM $broker
  wait $broker
  [ "$(cat received)" = hello ] || { echo "pack-check: received $(cat received)" >&2; return 1; }
  local plain=addon
  if grep -q 'plain peer' broker.log; then plain=plain; fi
  [ $plain = "$kind" ] || { echo "pack-check: $plain instead of $kind" >&2; cat broker.log >&2; return 1; }
}

node --input-type=module -e "
  import { SignalCodec, Inspector } from 'sigmq';
  if (!SignalCodec || !Inspector) process.exit(1);
  // Neither looks like a plain peer, nor handles a signal.
  if (process.eventNames().some((name) => String(name).startsWith('SIG'))) process.exit(1);
"
# Its types say what it has.
node --input-type=module -e "
  import * as library from 'sigmq';
  import { readFileSync } from 'node:fs';
  const types = readFileSync('node_modules/sigmq/dist/lib/index.d.ts', 'utf8');
  const declared = [...types.matchAll(/^export declare (?:class|const|function) (\w+)/gm)];
  const [named, there] = [declared.map(([, name]) => name), Object.keys(library)];
  if (named.sort().join() !== there.sort().join()) throw new Error([named, there].join(' is not '));
"
platform=$(node -p 'process.platform + "-" + process.arch')
expected=addon
if [ ! -e "node_modules/sigmq/prebuilds/$platform/sigmq.node" ]; then
  echo "pack-check: SKIPPED: the addon, which was not built for $platform"
  expected=plain
fi

mkdir "$folder/here"
ln -s "$(command -v node)" "$folder/here/node"
bins=("$folder/here")
for version in "${NODES[@]}"; do
  [ "$version" != "$(node -p 'parseInt(process.versions.node)')" ] || continue
  if npm install --silent --no-audit --no-fund --no-save --ignore-scripts \
    --prefix "$folder/node-$version" "node-$platform@$version" >/dev/null 2>&1; then
    bins+=("$folder/node-$version/node_modules/node-$platform/bin")
  else
    echo "pack-check: SKIPPED: Node $version, which the registry does not give for $platform"
  fi
done

for bin in "${bins[@]}"; do
  works_with "$bin" $expected
  echo "pack-check: works as $expected with Node $("$bin/node" --version)"
done
rm -rf node_modules/sigmq/prebuilds
for bin in "${bins[@]}"; do
  works_with "$bin" plain
  echo "pack-check: works as plain with Node $("$bin/node" --version)"
done
