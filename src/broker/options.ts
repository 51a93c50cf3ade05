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
   * A consumer that neither settles a message nor ends loses it after this time; default: it keeps the message for
   * as long as it lives; ms.
   */
  readonly ackWaitMs?: number | undefined;
  /** Called with everything that happens. Without it, warnings and errors become process warnings. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
  /** The broker is closed when this aborts. */
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

/** The entrance for users of the library: checks what a broker is given. @throws OptionError */
export const checkBroker = (options: BrokerOptions): void => checkOptions(options, BROKER);
