export { Broker } from './broker/broker.ts';
export type { BrokerEvent, BrokerEventData, MessageAtConsumer } from './broker/events.ts';
export type { BrokerOptions } from './broker/options.ts';
export type {
  Changes,
  WatchedConsumer,
  WatchedQueue,
} from './changes.ts';
export type { AskReply } from './client/asking.ts';
export { Consumer } from './client/consumer.ts';
export { ProducerError } from './client/errors.ts';
export type { ClientOptions } from './client/find-broker.ts';
export { Inspector } from './client/inspector.ts';
export type { EndingOptions, Message } from './client/message.ts';
export type {
  BatchOptions,
  CallOptions,
  ConsumerOptions,
  Handler,
  ProducerOptions,
} from './client/options.ts';
export { Producer } from './client/producer.ts';
export type { AskOptions, SendOptions, SentFrame } from './client/send-options.ts';
export { CodecError } from './codec/codec-error.ts';
export { type Bit, OVERFLOW, SignalCodec } from './codec/signal-codec.ts';
export type { ErrorCode } from './error-codes.ts';
export { Exit, SigmqError } from './errors.ts';
export type { HistogramCounts } from './histogram.ts';
export { LinkError } from './link/errors.ts';
export { OptionError } from './options/errors.ts';
export type { QueueChoice, WeightedQueue } from './options/weights.ts';
export type { Asked } from './queue/asks.ts';
export type { EngineStatus, OtherBroker } from './queue/engine-status.ts';
export { StoreError, StoreFull } from './queue/errors.ts';
export type { Failure, FailureKind } from './queue/failure.ts';
export type {
  BodyPart,
  ById,
  Changed,
  Edit,
  Inspection,
  Kicked,
  QueueCounts,
  Selection,
  Stored,
} from './queue/inspection.ts';
export type { MessageState, Published, QueuedMessage } from './queue/message.ts';
export type { StorePolicy } from './queue/policy.ts';
export type { QueueChange, QueueSettings } from './queue/queue-settings.ts';
export type { Fsync, StoreOptions } from './queue/store-options.ts';
export { RegistryError } from './registry/errors.ts';
export type { VetFailure } from './registry/vet.ts';
export type {
  AskedStatus,
  BrokerStatus,
  Counts,
  DrainState,
  LinkCounts,
  Metrics,
  QueueMetrics,
  QueueStatus,
  Status,
  Totals,
} from './status.ts';
