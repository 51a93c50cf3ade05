'use strict';
// Loaded before scripts/launcher.cjs by scripts/code-cache.mjs: at the end of the process the code that was compiled is
// written to $SIGMQ_KEEP_CODE.
const { writeFileSync } = require('node:fs');
const vm = require('node:vm');

const { Script } = vm;
let launched;

vm.Script = class extends Script {
  constructor(source, options) {
    super(source, { ...options, cachedData: undefined });
    launched = this;
  }
};

const { SIGMQ_KEEP_CODE = '' } = process.env;
process.on('exit', () => writeFileSync(SIGMQ_KEEP_CODE, launched.createCachedData()));
