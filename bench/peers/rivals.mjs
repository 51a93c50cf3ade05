// The programs that are compared, each with a server that is running and clients that are past their start.
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LARGEST } from '../payloads.mjs';
import { ROOT, Stage } from '../stage.mjs';

const script = (name) => join(ROOT, 'bench', name);
/** @type {import('node:child_process').StdioOptions} */
const STDIO = ['pipe', 'pipe', 'inherit'];

/**
 * @typedef {object} Rival
 * @property {string} name as typed, with how durable it is
 * @property {(what: 'put' | 'take', kind: string, count: number, group: number) => any} client waits to be told
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Rival>} sigmq with that policy for the disk */
export async function sigmqOf(fsync) {
  const stage = new Stage();
  await stage.broker(['--fsync', fsync]);
  const client = (what, kind, count, group) => {
    const peer = what === 'put' ? 'producer-peer.mjs' : 'consumer-peer.mjs';
    const args = [stage.dir, kind, String(count), String(group), '1'];
    return stage.start(process.execPath, [script(peer), ...args], STDIO);
  };
  return { name: `sigmq --fsync ${fsync}`, client, close: () => stage.close() };
}

/** @returns {Promise<number>} a port that nobody listens on */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

/** Waits until somebody listens there; `server` is who should. */
async function listens(server, port) {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    try {
      await once(socket, 'connect');
      return;
    } catch {
      if (server.exitCode !== null) throw new Error('beanstalkd did not start');
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}

/** @returns {Promise<Rival>} beanstalkd with a log of its own, flushed at most once in so many ms; 0: at each change */
export async function beanstalkdOf(flushMs) {
  const stage = new Stage();
  const log = join(stage.dir, 'log');
  mkdirSync(log);
  const port = await freePort();
  const where = ['-l', '127.0.0.1', '-p', String(port), '-z', String(LARGEST)];
  const server = stage.start('beanstalkd', [...where, '-b', log, '-f', String(flushMs)]);
  await listens(server.child, port);
  const client = (...args) =>
    stage.start(
      process.execPath,
      [script('peers/beanstalk-peer.mjs'), ...[port, ...args].map(String)],
      STDIO,
    );
  return { name: `beanstalkd -f ${flushMs}`, client, close: () => stage.close() };
}
