#!/usr/bin/env node
import { main, sendCommand, withVersion } from '../src/cli/main.ts';

void main(withVersion(sendCommand('sigmq-producer')));
