#!/usr/bin/env node
import { brokerCommand, run, withVersion } from '../src/cli/main.ts';

void run(withVersion(brokerCommand('sigmq-broker')));
