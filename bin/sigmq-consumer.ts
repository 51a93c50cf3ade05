#!/usr/bin/env node
import { consumeCommand, main, withVersion } from '../src/cli/main.ts';

void main(withVersion(consumeCommand('sigmq-consumer')));
