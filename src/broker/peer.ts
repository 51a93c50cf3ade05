/** The process at the other end. */
export interface Peer {
  readonly pid: number;
  readonly start: number;
}

/** Identifies it in the store and among the consumers, even if its PID is reused. */
export function keyOf({ pid, start }: Peer): string {
  return `${pid}:${start}`;
}
