#!/usr/bin/env node
import { run, sendCommand, withVersion } from '../src/cli/main.ts';

void run(withVersion(sendCommand('sigmq-producer')));
