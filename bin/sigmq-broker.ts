#!/usr/bin/env node
import { run, brokerCommand, withVersion } from '../src/cli/main.ts';

await run(withVersion(brokerCommand('sigmq-broker')));
