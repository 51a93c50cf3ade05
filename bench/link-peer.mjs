// The receiving end of one link: accepts every frame and says so. Ends with its parent.
import { Endpoint } from '../dist/src/link/endpoint.js';
import { processTable } from '../dist/src/registry/process-table.js';

const [dir] = process.argv.slice(2);
/** @type {import('../dist/src/link/endpoint.js').Receiver} */
const receiver = {
  lingers: () => true,
  onFrame: () => 0,
  onPlain: () => {},
  onBug: (error) => console.error(error),
};
Endpoint.open({ dir, table: processTable(), maxFrameBytes: 1 << 20, receiver });
process.stdin.on('end', () => process.exit()).resume();
console.log('ready');
