#!/usr/bin/env node
'use strict';
// All executables are copies of this file. It runs a bundle of ../cli, made by scripts/bundle.mjs of src/cli/starts,
// with the code that V8 had compiled when the package was built (scripts/code-cache.mjs). Another V8 refuses that, and
// compiles again.
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '../cli');
/** What the name of a bundle begins with when another one needs it. */
const BUNDLE = '../cli/';

/** What a first argument, or the name of an executable, needs of all that there is. */
const BUNDLES = {
  '-V': 'version',
  '--version': 'version',
  ask: 'ask',
  broker: 'broker',
  'sigmq-broker': 'broker',
  consume: 'consume',
  'sigmq-consumer': 'consume',
  send: 'short-send',
  'sigmq-producer': 'short-send',
};

/** Options of `short-send`: with any other one it would leave all to `send-command`. */
const OF_SHORT_SEND = new Set(['--dir', '--queue', '-q']);

/** Undefined when there is none. */
function cached(filename) {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

/** What has been loaded, by what it is called in a bundle. */
const modules = new Map();

function load(name) {
  const filename = join(folder, name);
  // It is ASCII. Node would read text in many small pieces.
  const script = new Script(readFileSync(filename).latin1Slice(), {
    filename,
    cachedData: cached(filename),
  });
  return keep(BUNDLE + name, (module) => script.runInThisContext()(module, need, filename));
}

/** The `require` of the bundles. The rest of what Node's does takes longer than this. */
function need(id) {
  const known = modules.get(id);
  if (known) return known.exports;
  if (id.startsWith(BUNDLE)) return load(id.slice(BUNDLE.length));
  return keep(id, (module) => {
    if (id.endsWith('.node')) process.dlopen(module, id);
    else module.exports = require(id);
  });
}

function keep(id, fill) {
  const module = { exports: {} };
  modules.set(id, module);
  try {
    fill(module);
  } catch (error) {
    modules.delete(id); // whoever asks again should see why
    throw error;
  }
  return module.exports;
}

const program = basename(__filename, '.js');
const asked = program === 'sigmq' ? (process.argv[2] ?? '') : program;
const usual = Object.hasOwn(BUNDLES, asked) ? BUNDLES[asked] : 'sigmq';
const isLong = process.argv.some((arg) => arg.startsWith('-') && !OF_SHORT_SEND.has(arg));
load(usual === 'short-send' && isLong ? 'send-command.js' : `${usual}.js`).start(program);
