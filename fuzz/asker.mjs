// Asks the broker what nobody would ask: `asker.mjs DIR SEED COUNT`. Every request has to be answered, by
// what was asked for or by an error. Prints how many were answered how; 1 when one was not.
import { Random } from '../chaos/random.mjs';
import { openClientEndpoint } from '../dist/src/client/client-endpoint.js';
import { Requester } from '../dist/src/client/requester.js';
import { decodeFrame } from '../dist/src/codec/envelope.js';
import { Reason } from '../dist/src/codec/reason.js';
import { processTable } from '../dist/src/registry/process-table.js';
import { anyRequest } from './values.mjs';

const [dir, seed, count] = process.argv.slice(2);
const random = new Random(Number(seed));
const table = processTable();
const receiver = {
  onFrame: (_sender, frame) => {
    const decoded = decodeFrame(frame);
    return decoded.kind === 'envelope' ? requester.judge(decoded.envelope) : Reason.Damaged;
  },
  onPlain: () => {},
  onBug: () => {},
};
const endpoint = openClientEndpoint(dir, table, receiver);
const requester = new Requester(dir, table, endpoint);
const answers = { ok: 0, error: 0, unanswered: 0 };
for (let n = 0; n < Number(count); n++) {
  const request = anyRequest(random);
  try {
    await requester.ask(request);
    answers.ok++;
  } catch (error) {
    const known = error.code === 'request-failed' || error.code === 'refused';
    answers[known ? 'error' : 'unanswered']++;
    if (!known) console.log(`${JSON.stringify(request)?.slice(0, 300)}: ${error.message}`);
  }
}
console.log(JSON.stringify(answers));
await endpoint.close(receiver);
process.exitCode = answers.unanswered > 0 ? 1 : 0;
