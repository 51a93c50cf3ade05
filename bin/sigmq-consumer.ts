#!/usr/bin/env node
import { consumeCommand, run, withVersion } from '../src/cli/main.ts';

void run(withVersion(consumeCommand('sigmq-consumer')));
