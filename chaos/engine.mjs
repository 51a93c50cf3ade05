// The PostgreSQL of a run: a primary and a standby that follows it synchronously, and two hosts that reach them by
// a cable each, where network namespaces are permitted.
import { spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PostgresServer, withoutPostgres } from '../dist/test/postgres/server.js';
import { isPrivate } from './namespace.mjs';

const NETWORK = '10.99.0.0/16';
/** A broker that says nothing for so long is taken for dead; ms. */
const LEASE_MS = 5000;
/** A broker that tried to start meanwhile says so by then; ms. */
const START_MS = 10_000;
const CONFIG = 'max_wal_senders = 5\nwal_keep_size = 256MB';

/** Why there can be none; undefined: there can. */
export const withoutEngine = withoutPostgres || undefined;

export class Engine {
  faults = ['killEngine', 'promoteEngine'];
  /** Until when a broker may fail to start; ms. */
  #awayUntil = 0;
  #primary;
  #standby;
  /** Processes whose only purpose is to keep a network namespace. */
  #cables = [];

  get isAway() {
    return Date.now() < this.#awayUntil;
  }

  static async start() {
    const engine = new Engine();
    if (isPrivate) ip('link', 'set', 'lo', 'up');
    const primary = await PostgresServer.start({ config: CONFIG, trusted: NETWORK });
    engine.#primary = primary;
    await engine.#addStandby();
    if (await engine.#layCables()) engine.faults.push('cutEngine');
    else console.log('SKIPPED: cut cables, which need network namespaces of their own.');
    return engine;
  }

  /** Options of a broker on this host. */
  argsFor(host) {
    const address = this.#cables.length > 0 ? gateway(host) : '127.0.0.1';
    const hosts = [this.#primary, this.#standby].map(({ port }) => `${address}:${port}`);
    const url = `postgres://postgres@${hosts.join()}/postgres?sslmode=disable`;
    return ['--store', url, '--lease', `${LEASE_MS}ms`];
  }

  /** The command that runs a broker on this host. */
  within(host) {
    const cable = this.#cables[host];
    return cable ? ['nsenter', `--net=/proc/${cable.pid}/ns/net`, '--'] : [];
  }

  async kill() {
    this.#awayUntil = Number.POSITIVE_INFINITY;
    this.#primary.kill();
    await sleep(200);
    this.#primary.run();
    this.#awayUntil = Date.now() + START_MS;
    return true;
  }

  async cut(host, random) {
    this.#awayUntil = Number.POSITIVE_INFINITY;
    ip('link', 'set', `sigmq${host}`, 'down');
    await sleep(random.int(500, 3 * LEASE_MS));
    ip('link', 'set', `sigmq${host}`, 'up');
    // Until it has noticed, it has no broker that works.
    await sleep(2000);
    this.#awayUntil = Date.now() + START_MS;
    return true;
  }

  /** The standby becomes the primary, and gets a standby at the old one's port. */
  async promote() {
    this.#awayUntil = Number.POSITIVE_INFINITY;
    const old = this.#primary;
    old.kill();
    this.#standby.promote();
    this.#primary = this.#standby;
    old.remove();
    await this.#addStandby(old.port);
    this.#awayUntil = Date.now() + START_MS;
    return true;
  }

  end() {
    for (const cable of this.#cables) cable.kill('SIGKILL');
    this.#primary?.remove();
    this.#standby?.remove();
  }

  async #addStandby(port) {
    const standbyOf = this.#primary;
    this.#standby = await PostgresServer.start({
      config: CONFIG,
      standbyOf,
      port,
      trusted: NETWORK,
    });
    standbyOf.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    standbyOf.sql('SELECT pg_reload_conf()');
  }

  /** @returns whether that is permitted */
  async #layCables() {
    if (!isPrivate) return false; // these are not ours to change
    this.#cables = [0, 1].map(() => {
      return spawn('unshare', ['--net', 'sleep', '1000000'], { stdio: 'ignore' });
    });
    await Promise.all(this.#cables.map(apart));
    return this.#cables.every(({ pid }, host) => connect(pid, host)) || this.#takeUp();
  }

  #takeUp() {
    for (const cable of this.#cables.splice(0)) cable.kill('SIGKILL');
    return false;
  }
}

/** Our end of a host's cable. */
function gateway(host) {
  return `10.99.${host}.1`;
}

function connect(pid, host) {
  const net = `/proc/${pid}/ns/net`;
  const inside = (...args) => spawnSync('nsenter', [`--net=${net}`, 'ip', ...args]).status === 0;
  const name = `sigmq${host}`;
  return (
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)) &&
    ip('addr', 'add', `${gateway(host)}/24`, 'dev', name) &&
    ip('link', 'set', name, 'up') &&
    inside('addr', 'add', `10.99.${host}.2/24`, 'dev', 'eth0') &&
    inside('link', 'set', 'eth0', 'up') &&
    inside('link', 'set', 'lo', 'up')
  );
}

/** Resolves when the process has a network of its own. */
async function apart({ pid }) {
  const ours = readlinkSync('/proc/self/ns/net');
  while (readlinkSync(`/proc/${pid}/ns/net`) === ours) await sleep(5);
}

function ip(...args) {
  return spawnSync('ip', args).status === 0;
}
