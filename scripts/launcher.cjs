#!/usr/bin/env node
'use strict';
// Runs the program of this name with the code that V8 had compiled for its command when the package was built.
const { basename, join } = require('node:path');
const load = require(join(__dirname, '../cli/load.cjs'));

const name = basename(__filename, '.js');
const [, , command = ''] = process.argv;
load(...(/^[a-z]+$/.test(command) ? [command] : []), name)[name.replace('-', '_')]();
