import type { Allowances } from '../allowances.ts';
import type { StorePolicy } from '../policy.ts';
import type { PostgresEngine } from './engine.ts';
import type { Membership } from './membership.ts';
import type { Ready } from './ready.ts';
import type { ServerClock } from './server-clock.ts';
import type { SharedSettings } from './settings.ts';

/** What the parts of a store in PostgreSQL have in common. */
export interface CommonParts {
  readonly engine: PostgresEngine;
  readonly members: Membership;
  readonly policy: StorePolicy;
  readonly clock: ServerClock;
  readonly ready: Ready;
  readonly settings: SharedSettings;
  readonly allowances: Allowances;
  /** Of this broker, for people. */
  readonly host: string;
  /** The position for a message that becomes ready now; takes the `count` positions after it as well. */
  position(count: number): number;
}
