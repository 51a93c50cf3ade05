// A consumer that takes COUNT messages of a KIND when told to: `consumer-peer.mjs DIR KIND COUNT JOBS`, at most JOBS in
// hand. Each is settled, and the broker has said so, before it counts.
import { EventEmitter, once } from 'node:events';
import { Consumer } from '../dist/src/index.js';
import { bodies } from './payloads.mjs';

const [dir, kind, count, jobs] = process.argv.slice(2);
let left = Number(count);
let missing = 0;
for (const body of bodies(/** @type {import('./payloads.mjs').Kind} */ (kind), left)) {
  missing += body.length;
}

console.log('ready');
await once(process.stdin, 'data');
const handled = new EventEmitter();
const last = once(handled, 'last');
const consumer = await Consumer.open({
  dir,
  jobs: Number(jobs),
  handler: async (message) => {
    missing -= message.body.length;
    await message.done();
    left--;
    if (left === 0) handled.emit('last');
  },
});
await last;
if (missing !== 0) throw new Error(`${missing} bytes did not come`);
console.log('done');
await consumer.close();
process.exit();
