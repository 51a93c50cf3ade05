// What is measured, each as a function that gives one sample. Times are µs per message bit unless the
// name says otherwise.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeEnvelope } from '../dist/src/codec/envelope.js';
import { SignalCodec } from '../dist/src/codec/signal-codec.js';
import { Endpoint } from '../dist/src/link/endpoint.js';
import { processTable } from '../dist/src/registry/process-table.js';
import { jsonOf, onStage, ROOT, switchesOf, timed } from './stage.mjs';

const LIMIT_BITS = 400_000;
const LINK_BYTES = 20_000;
/** A tenth of the limit's own bits, as the yardstick warms up with: the first kilobytes run before the JIT. */
const WARM_UP_BYTES = 5_000;
const FILE_BYTES = 20_000;
const PACED_BITS = 1500;
const SMALL_MESSAGES = 2000;
const IDLE_MS = 5000;
/** Divided among the many. */
const CROWD_MESSAGES = 1000;
/** Starts of each program in one sample. */
const START_UPS = 9;

/** Compiles the yardstick. @returns its path; throws without a C compiler */
export function buildYardstick(dir) {
  const path = join(dir, 'yardstick');
  const source = join(ROOT, 'bench/yardstick.c');
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', path, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the yardstick needs a C compiler (cc): ${stderr}`);
  return path;
}

/** (a) Two C programs, blocked signals, polling ping-pong. */
export const limit = (yardstick, bits = LIMIT_BITS) => jsonOf(yardstick, [String(bits)]).us_per_bit;

/** (b) One frame from this process to another. */
export const link = (bytes = LINK_BYTES) =>
  onStage(async (stage) => {
    const peer = stage.start(
      process.execPath,
      [join(ROOT, 'bench/link-peer.mjs'), stage.dir],
      ['pipe', 'pipe', 'inherit'],
    );
    await peer.printed(1);
    const table = processTable();
    const endpoint = Endpoint.open({ dir: stage.dir, table, maxFrameBytes: 1 << 20 });
    const { pid } = peer.child;
    const start = table.read(pid)?.start;
    const { echo } = endpoint;
    if (start === undefined || !echo) throw new Error('the peer is gone, or there is no addon');
    const target = { pid, start };
    let seq = 0;
    const frameOf = (size) =>
      SignalCodec.encode(
        encodeEnvelope({
          seq: seq++,
          body: randomBytes(size),
          more: false,
          control: false,
          fields: {},
        }),
      );
    const send = (frame) =>
      echo.withBus(async (channel) => {
        const { kind } = await channel.send(target, frame);
        if (kind !== 'accepted') throw new Error(`the link says ${kind}`);
      });
    try {
      await send(frameOf(WARM_UP_BYTES));
      const frame = frameOf(bytes);
      const { ms } = await timed(() => send(frame));
      return (ms * 1000) / (frame.length * 8);
    } finally {
      await endpoint.close();
      peer.child.stdin.end();
    }
  });

/** (c) `sigmq send --file` from its start until the consumer has printed everything: two hops. */
export const endToEnd = (bytes = FILE_BYTES) =>
  onStage(async (stage) => {
    await stage.broker();
    const consumer = await stage.consumer();
    const warmUp = join(stage.dir, 'warm-up');
    const file = join(stage.dir, 'message');
    writeFileSync(warmUp, randomBytes(WARM_UP_BYTES));
    writeFileSync(file, randomBytes(bytes));
    await stage.run(['send', '--file', warmUp]);
    await consumer.printed(WARM_UP_BYTES + 1);
    const { ms } = await timed(async () => {
      const sent = stage.run(['send', '--file', file]);
      await consumer.printed(WARM_UP_BYTES + bytes + 2);
      await sent;
    });
    return (ms * 1000) / (bytes * 8);
  });

/** (d) Sending with a pause of 1 ms after each bit, and no echo. */
export const paced = () =>
  jsonOf('python3', [join(ROOT, 'bench/plain_pair.py'), String(PACED_BITS)]).us_per_bit;

/** `send --lines` of 20-byte lines through to the consumer; messages per second. */
export const smallMessages = (count = SMALL_MESSAGES) =>
  onStage(async (stage) => {
    await stage.broker();
    const consumer = await stage.consumer();
    const lines = Array.from({ length: count }, (_, n) => String(n).padStart(20, 'message '));
    const { ms } = await timed(async () => {
      await stage.run(['send', '--lines'], lines.join('\n'));
      await consumer.printed(count * 21);
    });
    return (count * 1000) / ms;
  });

/** So many producers at once, each message confirmed by itself; messages per second. */
export const producers = (count, messages = CROWD_MESSAGES) =>
  onStage(async (stage) => {
    await stage.broker();
    const each = Math.ceil(messages / count);
    const script = join(ROOT, 'bench/producer-peer.mjs');
    const peers = Array.from({ length: count }, () =>
      stage.start(process.execPath, [script, stage.dir, String(each)], ['pipe', 'pipe', 'inherit']),
    );
    for (const peer of peers) await peer.printed('ready\n'.length);
    const { ms } = await timed(async () => {
      for (const { child } of peers) child.stdin.write('go\n');
      await Promise.all(peers.map((peer) => peer.printed('ready\ndone\n'.length)));
    });
    return (each * count * 1000) / ms;
  });

/** So many consumers, served in turn from what waits; messages per second. */
export const consumers = (count, messages = CROWD_MESSAGES) =>
  onStage(async (stage) => {
    await stage.broker();
    const lines = Array.from({ length: messages }, (_, n) => String(n).padStart(20, 'message '));
    const all = [];
    for (let n = 0; n < count; n++) all.push(await stage.consumer());
    await stage.run(['pause']);
    await stage.run(['send', '--lines'], lines.join('\n'));
    const bytes = Math.floor(messages / count) * 21;
    const { ms } = await timed(async () => {
      await stage.run(['resume']);
      await Promise.all(all.map((consumer) => consumer.printed(bytes)));
    });
    return (messages * 1000) / ms;
  });

/** Sleeps per second of an idle broker and consumer together. */
export const idleWakeUps = () =>
  onStage(async (stage) => {
    const broker = await stage.broker();
    const consumer = await stage.consumer();
    await stage.run(['send', 'hello']);
    await consumer.printed(6);
    await sleep(500);
    const count = () => switchesOf(broker.child.pid) + switchesOf(consumer.child.pid);
    const before = count();
    await sleep(IDLE_MS);
    return ((count() - before) * 1000) / IDLE_MS;
  });

/** Whole processes, in turn, so that the noise of the machine meets all of them; ms, medians. */
export const startUp = () =>
  onStage(async (stage) => {
    await stage.broker(['--memory']);
    /** @type {Record<'bare' | 'version' | 'send', number[]>} */
    const times = { bare: [], version: [], send: [] };
    for (let n = 0; n < START_UPS; n++) {
      times.bare.push((await timed(() => stage.node(['-e', '0']))).ms);
      times.version.push((await timed(() => stage.run(['--version']))).ms);
      times.send.push((await timed(() => stage.run(['send', 'hello']))).ms);
    }
    const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
    return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, median(ms)]));
  });
