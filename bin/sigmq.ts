#!/usr/bin/env node
import { main, sigmq } from '../src/cli/main.ts';

void main(sigmq(process.argv[2]));
