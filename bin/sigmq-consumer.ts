#!/usr/bin/env node
import { consumeCommand, run, withVersion } from '../src/cli/main.ts';

await run(withVersion(consumeCommand('sigmq-consumer')));
