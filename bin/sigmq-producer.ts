#!/usr/bin/env node
import { run, sendCommand, withVersion } from '../src/cli/main.ts';

await run(withVersion(sendCommand('sigmq-producer')));
