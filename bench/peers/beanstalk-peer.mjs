// A client of beanstalkd that is past its start, as producer-peer.mjs and consumer-peer.mjs are for sigmq:
//   beanstalk-peer.mjs PORT put|take KIND COUNT GROUP
// puts or takes COUNT messages when told to, GROUP at a time on one connection. Taking is reserve and delete.
import { inGroups } from '../groups.mjs';
import { bodies } from '../payloads.mjs';
import { BeanstalkClient } from './beanstalk-client.mjs';

const [port, what, kind, count, group] = process.argv.slice(2);
const all = bodies(/** @type {import('../payloads.mjs').Kind} */ (kind), Number(count));
const client = await BeanstalkClient.connect(Number(port));
let missing = 0;
for (const body of all) missing += body.length;

async function take() {
  const { id, body } = await client.reserve();
  missing -= body?.length ?? 0;
  await client.delete(id);
}

console.log('ready');
process.stdin.once('data', async () => {
  if (what === 'put') await inGroups(all, Number(group), (body) => client.put(body));
  else {
    await inGroups(all, Number(group), take);
    if (missing !== 0) throw new Error(`${missing} bytes did not come`);
  }
  console.log('done');
  client.close();
  process.exit();
});
