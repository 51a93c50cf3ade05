/** 1 to 64 letters, digits, dots, dashes, underscores: safe in a shell, a file name and a terminal. */
const QUEUE_NAME = /^[A-Za-z0-9._-]{1,64}$/;

export function isQueueName(value: unknown): value is string {
  return typeof value === 'string' && QUEUE_NAME.test(value);
}
