#!/usr/bin/env node
'use strict';
// Runs ../cli/<name of this file>, made by scripts/bundle.mjs, with the code that V8 had compiled when the
// package was built (scripts/code-cache.mjs). Another V8 refuses that, and compiles again.
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '../cli');

/** Undefined when there is none. */
function cached(filename) {
  try {
    return readFileSync(`${filename}.cache`);
  } catch {
    return undefined;
  }
}

function load(name) {
  const filename = join(folder, name);
  const script = new Script(readFileSync(filename, 'utf8'), {
    filename,
    cachedData: cached(filename),
  });
  const module = { exports: {} };
  const need = (id) => (id.startsWith('../cli/') ? load(id.slice('../cli/'.length)) : require(id));
  script.runInThisContext()(module, need, filename);
  return module.exports;
}

load(basename(__filename));
