#!/usr/bin/env node
import { brokerCommand, main, withVersion } from '../src/cli/main.ts';

void main(withVersion(brokerCommand('sigmq-broker')));
