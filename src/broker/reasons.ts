/** Why an attempt failed, as far as the broker knows: what a message keeps of it, for people. */
export const reasons = {
  ended: () => 'Its consumer ended.',
  endedBefore: () => 'Its consumer ended while no broker was running.',
  overdue: (ackWaitMs: number) => `It was not settled within ${ackWaitMs} ms.`,
  tooLarge: (bytes: number) => `Its consumer does not accept messages of ${bytes} bytes.`,
  undeliverable: (error: Error) => `It cannot be delivered: ${error.message}`,
  notPlain: () => 'It has a zero byte or is empty, and the queue has plain consumers only.',
  interrupted: () => 'Its plain consumer ended before all of it had been sent.',
};
