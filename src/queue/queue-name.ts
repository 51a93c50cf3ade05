export const isQueueName = (name: string): boolean => /^[A-Za-z0-9._-]{1,64}$/.test(name);
