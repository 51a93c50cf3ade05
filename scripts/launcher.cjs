#!/usr/bin/env node
'use strict';
// Runs ../cli/sigmq.js, made by scripts/bundle.mjs, with the code that V8 had compiled for this command when the package
// was built (scripts/code-cache.mjs). Another V8 refuses that, and compiles again.
const { readFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

const folder = join(__dirname, '../cli');
const filename = join(folder, 'sigmq.js');
const name = basename(__filename, '.js');

/** Undefined when there is none. */
function compiled(command) {
  try {
    return readFileSync(join(folder, `${command}.cache`));
  } catch {
    return undefined;
  }
}

const [, , command = ''] = process.argv;
const cachedData = /^[a-z]+$/.test(command) ? compiled(command) : undefined;
const source = readFileSync(filename, 'utf8');
const script = new Script(`(function (exports, require, module, __filename) {${source}\n})`, {
  filename,
  cachedData: cachedData ?? compiled(name),
});
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, filename);
module_.exports[name.replace('-', '_')]();
