import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sendPlainGroup } from '../../src/client/plain-group.ts';
import { fieldsOf, type SendOptions } from '../../src/client/send-options.ts';
import { FakeEndpoint } from '../broker/fakes.ts';

function given() {
  const fake = new FakeEndpoint();
  const taken: string[] = [];
  fake.paced = async (pid, body) => void taken.push(`${pid} ${Buffer.from(body)}`);
  const broker = {
    ...({ pid: 70, kind: 'plain', start: 500 } as const),
    ...{ maxMessageBytes: undefined, incarnation: undefined, accepts: undefined, saysPlain: false },
  };
  const send = (
    texts: readonly string[],
    options: SendOptions = {},
    signal = new AbortController().signal,
  ) => {
    const fields = fieldsOf(options);
    const messages = texts.map((text) => ({ fields, body: Buffer.from(text) }));
    return sendPlainGroup(fake.endpoint, broker, messages, options, signal);
  };
  return { fake, taken, send };
}

describe('sendPlainGroup', () => {
  it('sends one after the other in one hold of the bus', async () => {
    const { fake, taken, send } = given();
    await send(['a', 'b']);
    assert.deepEqual([taken, fake.holds], [['70 a', '70 b'], 1]);
  });

  it('sends nothing with options that a plain peer does not know, but for their defaults', async () => {
    const { fake, taken, send } = given();
    const unknown: SendOptions[] = [
      { queue: 'q' },
      { priority: 1 },
      { delayMs: 1 },
      { ttlMs: 0 },
      { headers: [['k', 'v']] },
    ];
    for (const options of unknown) {
      await assert.rejects(send(['a'], options), { code: 'plain-broker', exitCode: 65 });
    }
    assert.equal(fake.holds, 0);
    await send(['a'], { queue: 'default', priority: 0, delayMs: 0, headers: [], timeoutMs: 5 });
    assert.deepEqual(taken, ['70 a']);
  });

  it('sends nothing of a group in which one message has a zero byte', async () => {
    const { fake, send } = given();
    await assert.rejects(send(['a', 'b\0']), { code: 'zero-byte', exitCode: 65 });
    assert.equal(fake.holds, 0);
  });

  it('sends nothing after a message that could not be sent, or when it is to give up', async () => {
    const { fake, taken, send } = given();
    await assert.rejects(send(['a'], {}, AbortSignal.abort(new Error('enough'))), /enough/);
    const { paced } = fake;
    fake.paced = async (pid, body, onStalled) => {
      await paced(pid, body, onStalled);
      if (taken.length === 2) throw new Error('gone');
    };
    await assert.rejects(send(['a', 'b', 'c']), /gone/);
    assert.deepEqual(taken, ['70 a', '70 b']);
  });
});
