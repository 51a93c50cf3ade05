/** Brokers as on two hosts, with one store. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { QueueStatus, Status } from '../../src/status.ts';
import { type Program, Stage } from '../e2e/harness.ts';
import type { PostgresServer } from './server.ts';

let schemas = 0;

/** A store that nobody has used yet. */
export const newUrl = (server: PostgresServer): string => server.url(`h${++schemas}`);

export class Host {
  readonly stage: Stage;
  readonly broker: Program;

  constructor(stage: Stage, broker: Program) {
    this.stage = stage;
    this.broker = broker;
  }

  /** A command that has to succeed. @returns what it prints */
  async sigmq(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.stage.sigmq(args).ended;
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout.toString();
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.sigmq('status', '--json'));
  }

  /** Of queues with messages. */
  async counts(): Promise<QueueStatus[]> {
    const { queues } = await this.status();
    return queues.filter((one) => one.ready + one.delayed + one.reserved + one.dead > 0);
  }
}

/** Two runtime directories, each with a broker. */
export async function twoHosts(
  t: TestContext,
  server: PostgresServer,
  args: readonly string[] = [],
): Promise<{ a: Host; b: Host; url: string }> {
  const url = newUrl(server);
  const start = async () => {
    const stage = new Stage(t);
    return new Host(stage, await stage.broker(['--store', url, ...args]));
  };
  return { a: await start(), b: await start(), url };
}
