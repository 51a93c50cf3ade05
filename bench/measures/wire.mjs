// How long a bit takes: the limit, the link, two hops, and paced sending. Each gives one sample in µs per message bit.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEnvelope } from '../../dist/src/codec/envelope.js';
import { SignalCodec } from '../../dist/src/codec/signal-codec.js';
import { Endpoint } from '../../dist/src/link/endpoint.js';
import { processTable } from '../../dist/src/registry/process-table.js';
import { jsonOf, onStage, ROOT, timed } from '../stage.mjs';

const LIMIT_BITS = 400_000;
const LINK_BYTES = 20_000;
/** A tenth of the limit's own bits, as the yardstick warms up with: the first kilobytes run before the JIT. */
const WARM_UP_BYTES = 5_000;
const FILE_BYTES = 20_000;
const PACED_BITS = 1500;

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

/** `sigmq send --file` of one message, from its start until the consumer has printed all of it: two hops; ms. */
export const wholeMessage = (body) =>
  onStage(async (stage) => {
    await stage.broker();
    const consumer = await stage.consumer();
    const warmUp = join(stage.dir, 'warm-up');
    const file = join(stage.dir, 'message');
    writeFileSync(warmUp, randomBytes(WARM_UP_BYTES));
    writeFileSync(file, body);
    await stage.run(['send', '--file', warmUp]);
    await consumer.printed(WARM_UP_BYTES + 1);
    const { ms } = await timed(async () => {
      const sent = stage.run(['send', '--file', file]);
      await consumer.printed(WARM_UP_BYTES + body.length + 2);
      await sent;
    });
    return ms;
  });

/** (c) One message of random bytes, which cannot be packed. */
export const endToEnd = async (bytes = FILE_BYTES) =>
  ((await wholeMessage(randomBytes(bytes))) * 1000) / (bytes * 8);

/** (d) Sending with a pause of 1 ms after each bit, and no echo. */
export const paced = () =>
  jsonOf('python3', [join(ROOT, 'bench/plain_pair.py'), String(PACED_BITS)]).us_per_bit;
