// sigmq beside beanstalkd, on the same messages: every row is taken from each of them in turn, the order changes from
// run to run, and all servers run throughout, asleep when it is not their turn.
import { timed } from '../stage.mjs';
import { beanstalkdOf, sigmqOf } from './rivals.mjs';

/** Messages on the way at a time where they go in groups. */
const GROUP = 64;

const READY = 'ready\n'.length;
const DONE = 'ready\ndone\n'.length;

/** From the word to the clients until the last one of them is done; messages per second. */
async function race(clients, count) {
  for (const client of clients) await client.printed(READY);
  const { ms } = await timed(async () => {
    for (const { child } of clients) child.stdin.write('go\n');
    await Promise.all(clients.map((client) => client.printed(DONE)));
  });
  for (const client of clients) await client.ended();
  return (count * 1000) / ms;
}

const KINDS = [
  { kind: 'job', label: 'JSON jobs of 177 bytes', isLarge: false },
  { kind: 'short', label: 'lines of 20 bytes', isLarge: false },
  { kind: 'text', label: '64 KiB of JSON lines', isLarge: true },
  { kind: 'noise', label: '64 KiB of random bytes', isLarge: true },
];

/** What is measured, and what each sample is called. @param {{ groups: number, singly: number, large: number }} counts */
function rowsOf(counts) {
  return KINDS.flatMap(({ kind, label, isLarge }) => {
    const { large } = counts;
    const alone = (count, group) => async (rival) => ({
      put: await race([rival.client('put', kind, count, group)], count),
      take: await race([rival.client('take', kind, count, group)], count),
    });
    const together = (count, group) => async (rival) => ({
      both: await race(
        [rival.client('take', kind, count, group), rival.client('put', kind, count, group)],
        count,
      ),
    });
    if (isLarge) {
      const name = `${label}: put one by one while another takes them`;
      return [{ labels: { both: name }, sample: together(large, 1) }];
    }
    return [
      {
        labels: {
          put: `${label}: put, each confirmed before the next`,
          take: `${label}: take, each settled before the next`,
        },
        sample: alone(counts.singly, 1),
      },
      {
        labels: {
          put: `${label}: put, ${GROUP} at a time`,
          take: `${label}: take, ${GROUP} at a time`,
        },
        sample: alone(counts.groups, GROUP),
      },
      {
        labels: { both: `${label}: both at once, ${GROUP} at a time` },
        sample: together(counts.groups, GROUP),
      },
    ];
  });
}

/** @returns samples by row and by rival */
export async function compareBrokers({ runs, counts, progress, hasBeanstalkd }) {
  /** @type {import('./rivals.mjs').Rival[]} */
  const rivals = [];
  /** @type {Record<string, Record<string, number[]>>} */
  const samples = {};
  try {
    for (const fsync of ['always', '50ms']) rivals.push(await sigmqOf(fsync));
    if (hasBeanstalkd) for (const flushMs of [0, 50]) rivals.push(await beanstalkdOf(flushMs));
    const names = rivals.map(({ name }) => name);
    for (let run = 1; run <= runs; run++) {
      for (const { labels, sample } of rowsOf(counts)) {
        for (const rival of run % 2 === 1 ? rivals : [...rivals].reverse()) {
          progress(`run ${run} of ${runs}, ${rival.name}`);
          for (const [key, value] of Object.entries(await sample(rival))) {
            const label = labels[key];
            samples[label] ??= {};
            samples[label][rival.name] ??= [];
            samples[label][rival.name].push(value);
          }
        }
      }
    }
    return { names, samples };
  } finally {
    for (const rival of rivals) await rival.close();
  }
}
