/** For a look at what may come and go meanwhile, such as files of others: undefined when it fails. */
export function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
