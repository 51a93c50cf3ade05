// A producer that is past its start: `producer-peer.mjs DIR KIND COUNT GROUP SEED` sends COUNT messages when told to.
// GROUP are on the way at a time: with 1 each is confirmed before the next one goes, with more the next group goes
// when the last of the group before is confirmed.
import { Producer } from '../dist/src/index.js';
import { inGroups } from './groups.mjs';
import { bodies } from './payloads.mjs';

const [dir, kind, count, group, seed] = process.argv.slice(2);
const messages = bodies(
  /** @type {import('./payloads.mjs').Kind} */ (kind),
  Number(count),
  Number(seed),
);
const producer = await Producer.open({ dir });
console.log('ready');
process.stdin.once('data', async () => {
  await inGroups(messages, Number(group), (message) => producer.send(message));
  console.log('done');
  await producer.close();
  process.exit();
});
