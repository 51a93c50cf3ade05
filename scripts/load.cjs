'use strict';
// Runs sigmq.js, made by scripts/bundle.mjs, and returns what it exports.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'sigmq.js');

/** @param {string[]} names the first of them that was compiled (scripts/code-cache.mjs) is used; another V8 refuses it */
module.exports = function load(...names) {
  let cachedData;
  for (const name of names) {
    try {
      cachedData ??= readFileSync(join(__dirname, `${name}.cache`));
    } catch {
      // then it is compiled
    }
  }
  const script = new Script(readFileSync(filename, 'utf8'), { filename, cachedData });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, filename);
  return module.exports;
};
