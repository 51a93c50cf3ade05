#!/usr/bin/env node
import { brokerCommand, run, withVersion } from '../src/cli/main.ts';

await run(withVersion(brokerCommand('sigmq-broker')));
