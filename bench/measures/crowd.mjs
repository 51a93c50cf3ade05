// One or many producers and consumers at once; each function gives one sample, in messages per second. Programs are
// past their start when the clock starts.
import { join } from 'node:path';
import { linesOf } from '../payloads.mjs';
import { onStage, printedTogether, ROOT, timed } from '../stage.mjs';

/** Divided among the many. */
const MESSAGES = 1000;

/**
 * So many producers at once, by the library. `group`: how many messages each has on the way at a time; with 1 each is
 * confirmed by itself before the next one goes.
 */
export const producers = (count, { group = 1, messages = MESSAGES } = {}) =>
  onStage(async (stage) => {
    await stage.broker();
    const each = Math.ceil(messages / count);
    const script = join(ROOT, 'bench/producer-peer.mjs');
    const peers = Array.from({ length: count }, (_, n) =>
      stage.start(
        process.execPath,
        [script, stage.dir, 'job', ...[each, group, n + 1].map(String)],
        ['pipe', 'pipe', 'inherit'],
      ),
    );
    for (const peer of peers) await peer.printed('ready\n'.length);
    const { ms } = await timed(async () => {
      for (const { child } of peers) child.stdin.write('go\n');
      await Promise.all(peers.map((peer) => peer.printed('ready\ndone\n'.length)));
    });
    return (each * count * 1000) / ms;
  });

/** So many of `sigmq consume`, served in turn from what waits. */
export const consumers = (count, messages = MESSAGES) =>
  onStage(async (stage) => {
    await stage.broker();
    const lines = linesOf('job', messages);
    const all = [];
    for (let n = 0; n < count; n++) all.push(await stage.consumer());
    await stage.run(['pause']);
    await stage.run(['send', '--lines'], lines);
    const { ms } = await timed(async () => {
      await stage.run(['resume']);
      await printedTogether(all, lines.length);
    });
    return (messages * 1000) / ms;
  });
