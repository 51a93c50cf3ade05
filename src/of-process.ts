/** What belongs to this process, although it may have loaded this code more than once: two bundles, or two packages. */
export function ofProcess<T>(name: string, make: () => T): T {
  const all = globalThis as Record<symbol, unknown>;
  const key = Symbol.for(`sigmq.${name}`);
  all[key] ??= make();
  return all[key] as T;
}
