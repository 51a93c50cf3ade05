// What the types of the package promise its users; checked by tsc against what is shipped (dist/lib/index.d.ts).
import {
  Consumer,
  type ErrorCode,
  Inspector,
  type Message,
  OptionError,
  Producer,
  SigmqError,
} from 'sigmq';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile unless both are the same type. */
function same<A, B>(..._: Equal<A, B> extends true ? [] : ['they differ']): void {}

declare const message: Message;
same<ReturnType<Message['done']>, Promise<boolean>>();
same<Message['id'], number | undefined>();
same<ReturnType<typeof message.json<{ to: string }>>, { to: string }>();
message.release({ now: true });
message.fail('why');
message.reject('why');
same<ReturnType<Message['reply']>, Promise<boolean>>();
message.reply(new Uint8Array(), { exitCode: 3 });
message.fail('why', { exitCode: 3 });
// @ts-expect-error neither text nor bytes
message.reply({ a: 1 });
// @ts-expect-error a message is not made by hand
new Consumer();
// @ts-expect-error what it holds stays as it is
message.queue = 'other';
// @ts-expect-error there is no such option
message.release({ later: true });

for await (const each of await Consumer.open({ queues: ['a'], signal: AbortSignal.timeout(1) })) {
  same<typeof each, Message>();
}
for await (const batch of (await Consumer.open({ jobs: 9 })).batches({ size: 3, lingerMs: 0 })) {
  same<typeof batch, Message[]>();
}
await Consumer.open({
  handler: async (each) => each.text(),
  onError: (error) => same<typeof error, unknown>(),
});
// @ts-expect-error a list
await Consumer.open({ queues: 'a' });
await Consumer.open({ group: 'g', queues: ['a', { name: 'b', weight: 3 }] });
// @ts-expect-error a weight has a queue
await Consumer.open({ queues: [{ weight: 3 }] });
// @ts-expect-error one way to give a handler
await Consumer.open(() => {});

{
  await using producer = await Producer.open({ wait: true });
  same<Awaited<ReturnType<typeof producer.send>>, void>();
  const reply = await producer.ask('x', { queue: 'q', timeoutMs: 1, onLook: ({ state }) => state });
  same<typeof reply.exitCode, number>();
  same<ReturnType<typeof reply.json<{ to: string }>>, { to: string }>();
  // @ts-expect-error what is asked is not for later
  await producer.ask('x', { delayMs: 1 });
  await producer.send(new Uint8Array(1), { headers: [['k', 'v']], ttlMs: 1 });
  // @ts-expect-error neither text nor bytes
  await producer.send(5);
  // @ts-expect-error a pair each
  await producer.send('x', { headers: { k: 'v' } });
}

await using inspector = await Inspector.open();
await inspector.set('q', { maxAttempts: 3, rate: '10/s', deadTo: null });
// @ts-expect-error there is no such setting
await inspector.set('q', { attempts: 3 });
await inspector.kick('q', { to: 'other' });
const { pid, consumers, queues } = await inspector.status();
same<typeof pid, number>();
same<(typeof consumers)[number]['kind'], 'echo' | 'plain'>();
same<(typeof queues)[number]['oldestReadyMs'], number | null>();
same<(typeof consumers)[number]['weights'], readonly number[] | undefined>();
same<Awaited<ReturnType<typeof inspector.removeGroup>>, number>();
same<Awaited<ReturnType<typeof inspector.drain>>['heldBy'], readonly number[]>();
const [stored] = await inspector.peek('q', { state: 'dead', signal: AbortSignal.timeout(1) });
same<
  typeof stored extends undefined ? never : NonNullable<typeof stored>['state'],
  'ready' | 'delayed' | 'reserved' | 'dead'
>();
// @ts-expect-error no such state
await inspector.peek('q', { state: 'lost' });

try {
  await inspector.close();
} catch (error) {
  if (error instanceof OptionError) same<typeof error.hint, string>();
  if (error instanceof SigmqError) {
    same<typeof error.code, ErrorCode>();
    if (error.code === 'full') throw error;
    // @ts-expect-error no error has that
    if (error.code === 'no-such-code') throw error;
  }
}
