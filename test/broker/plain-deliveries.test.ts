import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { linkErrors } from '../../src/link/errors.ts';
import { given, opened, plain } from './dispatching.ts';

describe('PlainDeliveries', () => {
  it('sends the body alone, beside the bus; sent is done', async (t) => {
    const { store, fake, work, delivered } = await given(t, { pid: 71, ...plain });
    const bodies: string[] = [];
    fake.paced = async (pid, body) => void bodies.push(`${pid}:${Buffer.from(body)}`);
    await store.put('a', 'b');
    await work();
    assert.deepEqual([bodies, fake.holds, delivered()], [['71:a', '71:b'], 0, 2]);
    assert.deepEqual(await store.states(), []);
  });

  it('does not send it what it cannot take, and what comes behind that does not wait', async (t) => {
    const { store, fake, work, warnings } = await given(t, { pid: 71, ...plain });
    const bodies: string[] = [];
    fake.paced = async (_pid, body) => void bodies.push(Buffer.from(body).toString());
    for (const body of ['a\0b', '', 'c']) await store.put(body);
    await work();
    assert.deepEqual(bodies, ['c']);
    assert.deepEqual(await store.states(), ['delayed', 'delayed']);
    assert.match(warnings()[0] ?? '', /has a zero byte or is empty/);
  });

  it('leaves what it cannot take to a consumer that can', async (t) => {
    const { store, fake, work, sent } = await given(t, { pid: 71, ...plain }, { pid: 72 });
    fake.paced = () => assert.fail('sent');
    await store.put('a\0b');
    await work();
    assert.deepEqual(sent(), ['72:a\0b']);
    assert.deepEqual(await store.states(), []);
  });

  it('gives a message to another when the first stalls, and takes that back for nothing', async (t) => {
    const { store, fake, work, sent, warnings, first } = await given(
      t,
      { pid: 71, ...plain },
      { pid: 72 },
    );
    let finish = () => {};
    fake.paced = async (_pid, _body, onStalled) => {
      await turn();
      onStalled();
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    await store.put('a', 'b');
    await work();
    assert.deepEqual(sent(), ['72:b', '72:a']);
    assert.match(warnings()[0] ?? '', /71 is not taking its signals/);
    assert.equal(first().overdue.size, 1, 'its slot is taken while signals are on their way');
    finish();
    await work();
    assert.equal(first().overdue.size, 0);
    assert.deepEqual(await store.states(), []);
  });

  it('keeps nobody from stopping that stalls when the broker is about to stop', async (t) => {
    const { store, fake, work, dispatcher } = await given(t, { pid: 71, ...plain });
    let stall = () => {};
    fake.paced = (_pid, _body, onStalled) => {
      stall = onStalled;
      return new Promise(() => {});
    };
    await store.put('a');
    await work();
    let isStopped = false;
    const stopped = dispatcher.stop().then(() => {
      isStopped = true;
    });
    await turn();
    assert.equal(isStopped, false, 'the frame under way is finished first');
    stall();
    await stopped;
  });

  it('holds no message when something unexpected happens to it', async (t) => {
    const { store, fake, work, errors, first } = await given(t, { pid: 71, ...plain });
    const bug = new Error('a bug');
    let tries = 0;
    fake.paced = async () => {
      if (tries++ === 0) throw bug;
    };
    await store.put('a');
    await work();
    assert.deepEqual(errors(), [bug]);
    assert.deepEqual([await store.states(), first().inFlight.size], [[], 0]);
  });

  it('fails what has zero bytes when there is no addon, whoever is registered', async (t) => {
    const { store, fake, work } = await given(t, { pid: 71 });
    fake.hasAddon = false;
    await store.put('a\0b');
    await work();
    assert.deepEqual(await store.states(), ['delayed']);
  });

  it('counts an attempt when it ends in the middle', async (t) => {
    const { run, store, fake, work, sent } = await given(t, { pid: 71, ...plain }, { pid: 72 });
    fake.paced = async () => {
      run({ pid: 72 });
      throw linkErrors.gone(71);
    };
    await store.put('a');
    await work();
    assert.deepEqual(sent(), ['72:a']);
    assert.equal(opened(fake.sent[0]?.frame as Uint8Array).fields.attempt, 2);
  });
});
