/** The process at the other end. */
export interface Peer {
  readonly pid: number;
  readonly start: number;
}

/** Names it in the store and among the consumers, also when its PID is used again. */
export function keyOf({ pid, start }: Peer): string {
  return `${pid}:${start}`;
}
