#!/usr/bin/env node
import { run, consumeCommand, withVersion } from '../src/cli/main.ts';

await run(withVersion(consumeCommand('sigmq-consumer')));
