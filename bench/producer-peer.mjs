// A producer that is past its start: sends COUNT messages, one confirmed after the other, when told to.
import { Producer } from '../dist/src/index.js';

const [dir, count] = process.argv.slice(2);
const producer = await Producer.open({ dir });
console.log('ready');
process.stdin.once('data', async () => {
  for (let n = 0; n < Number(count); n++) await producer.send(String(n).padStart(20, 'message '));
  await producer.close();
  console.log('done');
  process.exit();
});
