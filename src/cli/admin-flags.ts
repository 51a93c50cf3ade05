import type { STATES } from '../queue/store.ts';

/** What the commands that look at queues, or change them, have between them. */
export interface AdminFlags {
  readonly dir?: string;
  readonly data?: string;
  readonly json?: true;
  readonly count?: number;
  readonly state?: (typeof STATES)[number];
  readonly force?: true;
  readonly clean?: true;
  /** false: --no-color, also from the configuration file. */
  readonly color?: boolean;
  readonly paused?: true;
  readonly cancel?: true;
}
