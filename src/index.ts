export type { BrokerStatus } from './broker/answers.ts';
export { Broker, type BrokerEvent, type BrokerOptions } from './broker/broker.ts';
export {
  Consumer,
  type ConsumerOptions,
  type Handler,
} from './client/consumer.ts';
export { Inspector } from './client/inspector.ts';
export type { Message } from './client/message.ts';
export { Producer, type ProducerOptions } from './client/producer.ts';
export type { SendOptions, SentFrame } from './client/send-options.ts';
export { type Bit, OVERFLOW, SignalCodec } from './codec/signal-codec.ts';
export { type ErrorCode, SigmqError } from './error-codes.ts';
export { Exit } from './errors.ts';
export type { Fsync, StoreOptions } from './queue/open-store.ts';
export type { Inspection, QueueCounts, Selection, State, Stored } from './queue/store.ts';
