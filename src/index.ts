export { Broker, type BrokerEvent, type BrokerOptions } from './broker/broker.ts';
export {
  Consumer,
  type ConsumerOptions,
  type Handler,
  type Message,
} from './client/consumer.ts';
export { Producer, type ProducerOptions, type SendOptions } from './client/producer.ts';
export { type Bit, OVERFLOW, SignalCodec } from './codec/signal-codec.ts';
export { Exit, SigmqError } from './errors.ts';
