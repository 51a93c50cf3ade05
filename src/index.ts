export type { BrokerStatus } from './broker/answers.ts';
export { Broker, type BrokerOptions } from './broker/broker.ts';
export type { DrainState } from './broker/drain-state.ts';
export type { BrokerEvent } from './broker/events.ts';
export {
  Consumer,
  type ConsumerOptions,
  type Handler,
  type Message,
} from './client/consumer.ts';
export { Inspector } from './client/inspector.ts';
export { Producer, type ProducerOptions } from './client/producer.ts';
export type { SendOptions, SentFrame } from './client/send-options.ts';
export { type Bit, OVERFLOW, SignalCodec } from './codec/signal-codec.ts';
export { type ErrorCode, SigmqError } from './error-codes.ts';
export { Exit } from './errors.ts';
export type { Fsync, StoreOptions } from './queue/open-store.ts';
export type { Inspection, MessageState, QueueCounts, Selection, Stored } from './queue/store.ts';
