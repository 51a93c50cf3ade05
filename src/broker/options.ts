import { checkOptions, type Kinds } from '../options/kind.ts';
import { abortSignal, callback, directory } from '../options/kinds.ts';
import { messageSize, wait } from '../options/values.ts';
import { storeOptions } from '../queue/store-options.ts';
import type { BrokerOptions } from './broker.ts';

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
