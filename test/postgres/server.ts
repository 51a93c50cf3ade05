/** A PostgreSQL of its own for the tests of a file: on a socket in its folder, and on a free port. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { sleepSync } from '../../src/sleep-sync.ts';
import { stateOf } from '../e2e/harness.ts';

const VERSIONS = '/usr/lib/postgresql';

/** Where its programs are; undefined: it is not installed. */
function findBin(): string | undefined {
  try {
    const versions = readdirSync(VERSIONS).sort((a, b) => Number(a) - Number(b));
    return versions.length > 0 ? join(VERSIONS, `${versions.at(-1)}`, 'bin') : undefined;
  } catch {
    return undefined;
  }
}

const bin = findBin();
/** For `skip`: why there is no server; false: there can be one. */
export const withoutPostgres = bin
  ? false
  : 'PostgreSQL is not installed (postgresql on Debian): nothing about it was tested';

/** `initdb` refuses root. */
const user = userInfo().uid === 0 ? idsOf('postgres') : undefined;

function idsOf(name: string): { uid: number; gid: number } | undefined {
  if (!bin) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export interface ServerOptions {
  /** Lines for postgresql.conf. */
  readonly config?: string;
  /** Made from this one by pg_basebackup, which it follows. */
  readonly standbyOf?: PostgresServer | undefined;
  /** From where connections are trusted besides this machine: `10.0.0.0/8`. */
  readonly trusted?: string;
  /** The name of a role that needs the password `pass word`. */
  readonly secretFor?: string;
  /** Default: a free one. */
  readonly port?: number | undefined;
}

export class PostgresServer {
  readonly port: number;
  readonly folder: string;

  static async start({
    config = '',
    standbyOf,
    trusted,
    secretFor,
    port,
  }: ServerOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(port ?? (await freePort()));
    try {
      server.#make(config, standbyOf);
      if (trusted) server.#trust(trusted);
      if (secretFor) server.#lock(secretFor);
      server.run();
      if (secretFor) server.sql(`CREATE ROLE ${secretFor} LOGIN PASSWORD 'pass word'`);
      return server;
    } catch (error) {
      server.remove();
      throw error;
    }
  }

  private constructor(port: number) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'sigmq-pg-'));
    if (user) chownSync(this.folder, user.uid, user.gid);
    chmodSync(this.folder, 0o711);
  }

  /** @param schema the tests of one file share a server, each with a schema of its own */
  url(schema: string, port = this.port): string {
    return `postgres://postgres@127.0.0.1:${port}/postgres?schema=${schema}&sslmode=disable`;
  }

  run(): void {
    const log = join(this.folder, 'log');
    this.#as('pg_ctl', ['-D', this.#data, '-l', log, '-w', '-t', '60', 'start']);
  }

  /** As `kill -9` of the postmaster; returns when its children have noticed, and ended. */
  kill(): void {
    const { pid } = this;
    const family = [pid, ...childrenOf(pid)];
    process.kill(pid, 'SIGKILL');
    while (family.some(isRunning)) sleepSync(5);
    // Nobody may have collected it: then it would be taken for a server that runs.
    for (const lock of [
      join(this.#data, 'postmaster.pid'),
      join(this.folder, `.s.PGSQL.${this.port}.lock`),
    ])
      rmSync(lock, { force: true });
  }

  stop(): void {
    this.#as('pg_ctl', ['-D', this.#data, '-m', 'immediate', '-w', 'stop']);
  }

  promote(): void {
    this.#as('pg_ctl', ['-D', this.#data, '-w', 'promote']);
  }

  get pid(): number {
    return Number(readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  /** What psql prints, without decoration. */
  sql(text: string): string {
    const args = [
      '-h',
      this.folder,
      '-p',
      String(this.port),
      '-U',
      'postgres',
      '-AtqX',
      '-c',
      text,
    ];
    return this.#as('psql', args).trim();
  }

  /** Ends it, and removes its files. */
  remove(): void {
    try {
      this.stop();
    } catch {
      // It was not running.
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.folder, 'data');
  }

  #make(config: string, standbyOf: PostgresServer | undefined): void {
    if (standbyOf) {
      const from = ['-h', standbyOf.folder, '-p', String(standbyOf.port), '-U', 'postgres'];
      this.#as('pg_basebackup', [...from, '-D', this.#data, '-R', '-X', 'stream', '-c', 'fast']);
    } else {
      const how = ['-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-instructions', '-N'];
      this.#as('initdb', ['-D', this.#data, '-U', 'postgres', ...how]);
    }
    appendFileSync(
      join(this.#data, 'postgresql.conf'),
      `
listen_addresses = '127.0.0.1'
port = ${this.port}
unix_socket_directories = '${this.folder}'
max_connections = 100
${config}
`,
    );
  }

  #trust(network: string): void {
    appendFileSync(join(this.#data, 'pg_hba.conf'), `host all all ${network} trust\n`);
    appendFileSync(join(this.#data, 'postgresql.conf'), "listen_addresses = '*'\n");
  }

  #lock(role: string): void {
    const path = join(this.#data, 'pg_hba.conf');
    writeFileSync(path, `host all ${role} all scram-sha-256\n${readFileSync(path, 'utf8')}`);
  }

  #as(program: string, args: readonly string[]): string {
    return execFileSync(join(bin as string, program), args, {
      ...user,
      cwd: this.folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
  }
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
  return children.split(' ').filter(Boolean).map(Number);
}

/** A zombie does not run. */
function isRunning(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Whom the server runs as; undefined: this user. */
export function postgresUser(): { uid: number; gid: number } | undefined {
  return user;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
