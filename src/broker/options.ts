import { checkOptions, type Kinds } from '../options/kind.ts';
import { abortSignal, callback, directory } from '../options/kinds.ts';
import { messageSize, wait } from '../options/values.ts';
import type { StoreOptions } from '../queue/store-options.ts';
import { storeOptions } from '../queue/store-options.ts';
import type { BrokerEvent } from './events.ts';

export interface BrokerOptions {
  /** Runtime directory; default: see docs/protocol.md, section 1. */
  readonly dir?: string | undefined;
  /** Where messages are kept; default: an SQLite file in `$XDG_STATE_HOME/sigmq`. */
  readonly store?: StoreOptions | undefined;
  /** Largest body in bytes; default 65,536. */
  readonly maxMessageBytes?: number | undefined;
  /**
   * A consumer that took a message and neither settles nor ends loses it after this; default: it keeps it as long as
   * it lives; ms.
   */
  readonly ackWaitMs?: number | undefined;
  /** Hears what it has to say. Without it warnings and errors are warnings of the process. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
  /** When it aborts the broker is closed. */
  readonly signal?: AbortSignal | undefined;
}

const BROKER: Kinds<BrokerOptions> = {
  dir: directory,
  store: storeOptions,
  maxMessageBytes: messageSize,
  ackWaitMs: wait,
  onEvent: callback,
  signal: abortSignal,
};

/** The door of the library: what a broker may be given. @throws OptionError */
export const checkBroker = (options: BrokerOptions): void => checkOptions(options, BROKER);
