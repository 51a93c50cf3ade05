#!/usr/bin/env node
import { run, sigmq } from '../src/cli/main.ts';

void run(sigmq(process.argv[2]));
