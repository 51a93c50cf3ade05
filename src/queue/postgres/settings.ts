import {
  changed,
  type QueueChange,
  type QueueSettings,
  Queues,
  settingsOf,
} from '../queue-settings.ts';
import type { Statement } from './connection.ts';
import type { PostgresEngine } from './engine.ts';
import { postgresErrors } from './errors.ts';

/** How often a change is tried that another broker has made one before; each makes it anew. */
const MAX_TRIES = 10;

type Row = {
  /** Null: there are no settings. */
  readonly queue: string | null;
  readonly settings: unknown;
  /** Grows with every change. */
  readonly version: number;
};

/** The settings of queues, which all brokers of the store share; each knows them until another changes one. */
export class SharedSettings {
  readonly queues = new Queues();
  readonly #engine: PostgresEngine;
  /** Of what is known. */
  #version = 0;
  #isKnown = false;
  #forgotten = 0;
  #loading: Promise<void> | undefined;

  constructor(engine: PostgresEngine) {
    this.#engine = engine;
  }

  /** Another broker may have changed them. */
  forget(): void {
    this.#forgotten++;
    this.#isKnown = false;
  }

  /** Resolves when {@link queues} is what the store has. */
  async known(): Promise<Queues> {
    while (!this.#isKnown) {
      this.#loading ??= this.#load().finally(() => {
        this.#loading = undefined;
      });
      await this.#loading;
    }
    return this.queues;
  }

  /** @throws OptionError its dead messages would come back to it; StoreError others are always faster */
  async set(queue: string, change: QueueChange): Promise<QueueSettings> {
    for (let tries = 1; ; tries++) {
      this.forget();
      const queues = await this.known();
      const after = changed(queues.of(queue), change);
      queues.assertEnds(queue, after);
      const values = [queue, JSON.stringify(after), this.#version];
      const rows = await this.#engine.durable(SET, values);
      this.forget();
      if (rows.length === 0) {
        if (tries < MAX_TRIES) continue; // somebody was faster
        throw postgresErrors.unset(queue);
      }
      this.#engine.tell({ settings: true, queues: [queue], at: 0 });
      return after;
    }
  }

  async #load(): Promise<void> {
    const forgotten = this.#forgotten;
    const rows = await this.#engine.fast<Row>(LOAD, []);
    this.queues.replace(
      rows.flatMap(({ queue, settings }) =>
        queue === null ? [] : [[queue, settingsOf(settings)]],
      ),
    );
    this.#version = rows[0]?.version ?? 0;
    this.#isKnown = forgotten === this.#forgotten;
  }
}

const LOAD: Statement = {
  name: 'load-settings',
  text: 'SELECT queue, settings, settings_version AS version FROM store LEFT JOIN queues ON true',
};
/** Nothing, if they are not those of that version any more: whether dead messages go round was looked at there. */
const SET: Statement = {
  name: 'set-queue',
  text: `WITH turn AS (UPDATE store SET settings_version = settings_version + 1 WHERE settings_version = $3 RETURNING 1),
    put AS (INSERT INTO queues (queue, settings) SELECT $1, $2::jsonb FROM turn WHERE $2::jsonb <> '{}'
      ON CONFLICT (queue) DO UPDATE SET settings = excluded.settings),
    gone AS (DELETE FROM queues USING turn WHERE queue = $1 AND $2::jsonb = '{}')
    SELECT FROM turn`,
};
