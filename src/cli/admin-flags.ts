import type { STATES } from '../queue/message.ts';
import type { QueueChange } from '../queue/queue-settings.ts';

/** The flags of all commands that inspect queues, or change them. */
export interface AdminFlags {
  readonly dir?: string;
  readonly data?: string;
  readonly json?: true;
  readonly count?: number;
  readonly state?: (typeof STATES)[number];
  readonly force?: true;
  readonly clean?: true;
  /** false: --no-color, including when it comes from the configuration file. */
  readonly color?: boolean;
  readonly paused?: true;
  readonly cancel?: true;
  readonly body?: true;
  readonly queue?: string;
  readonly priority?: number;
  readonly delay?: number;
  readonly long?: true;
  readonly to?: string;
  readonly change?: QueueChange;
}
