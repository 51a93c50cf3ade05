'use strict';
// Loaded before bin/launcher.cjs by scripts/code-cache.mjs: at the end of the process the compiled code
// of all that was launched is written beside its source.
const { writeFileSync } = require('node:fs');
const vm = require('node:vm');

const { Script } = vm;
const launched = [];

vm.Script = class extends Script {
  constructor(source, options) {
    super(source, { ...options, cachedData: undefined });
    launched.push({ script: this, filename: options.filename });
  }
};

process.on('exit', () => {
  for (const { script, filename } of launched) {
    writeFileSync(`${filename}.cache`, script.createCachedData());
  }
});
