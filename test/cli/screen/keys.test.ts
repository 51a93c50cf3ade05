import assert from 'node:assert/strict';
import { emitKeypressEvents } from 'node:readline';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import { type Key, keyName } from '../../../src/cli/screen/keys.ts';

it('keyName names what a terminal sends', () => {
  const sent: [bytes: string, name: string | undefined][] = [
    ['q', 'q'],
    ['Q', 'Q'],
    ['+', '+'],
    [' ', 'space'],
    ['\r', 'enter'],
    ['\n', 'enter'],
    ['\t', 'tab'],
    ['\x7f', 'backspace'],
    ['\x1b[A', 'up'],
    ['\x1bOB', 'down'],
    ['\x1b[C', 'right'],
    ['\x1b[D', 'left'],
    ['\x1b[5~', 'pageup'],
    ['\x1b[6~', 'pagedown'],
    ['\x1b[H', 'home'],
    ['\x1b[F', 'end'],
    ['\x03', 'ctrl-c'],
    ['\x1a', 'ctrl-z'],
    ['\x1c', 'ctrl-\\'],
    ['ü', 'ü'],
    ['\x1b[15~', undefined],
  ];
  const input = new PassThrough();
  const names: (string | undefined)[] = [];
  emitKeypressEvents(input);
  input.on('keypress', (text: string | undefined, key: Key) => names.push(keyName(text, key)));
  for (const [bytes] of sent) input.emit('data', Buffer.from(bytes));
  assert.deepEqual(
    names,
    sent.map(([, name]) => name),
  );
});
