#!/usr/bin/env node
'use strict';
// All executables are copies of this file. It runs a bundle of ../cli, made by scripts/bundle.mjs of src/cli/starts,
// with the code that V8 had compiled when the package was built (scripts/code-cache.mjs). Another V8 refuses that, and
// compiles again.
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '../cli');

/** What a first argument, or the name of an executable, needs of all that there is. */
const BUNDLES = {
  '-V': 'version',
  '--version': 'version',
  ask: 'ask',
  broker: 'broker',
  'sigmq-broker': 'broker',
  consume: 'consume',
  'sigmq-consumer': 'consume',
  send: 'send',
  'sigmq-producer': 'send',
};

/** Undefined when there is none. */
function cached(filename) {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

const loaded = new Map();

function load(name) {
  const known = loaded.get(name);
  if (known) return known.exports;
  const filename = join(folder, name);
  // It is ASCII. Node would read text in many small pieces.
  const script = new Script(readFileSync(filename).latin1Slice(), {
    filename,
    cachedData: cached(filename),
  });
  const module = { exports: {} };
  loaded.set(name, module);
  script.runInThisContext()(module, need, filename);
  return module.exports;
}

/** The `require` of the bundles. */
function need(id) {
  if (id.startsWith('../cli/')) return load(id.slice('../cli/'.length));
  return id.endsWith('.node') ? loadAddon(id) : require(id);
}

/** The rest of what Node's `require` does takes longer than this. */
function loadAddon(path) {
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports;
}

const program = basename(__filename, '.js');
const asked = program === 'sigmq' ? (process.argv[2] ?? '') : program;
const bundle = Object.hasOwn(BUNDLES, asked) ? BUNDLES[asked] : 'sigmq';
load(`${bundle}.js`).start(program);
