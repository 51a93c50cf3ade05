/** Another broker of the same store. */
export interface OtherBroker {
  readonly host: string;
  /** Its runtime directory there. */
  readonly dir: string;
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly lastSeen: string;
  readonly draining: boolean;
}

/** The server behind a store. */
export interface EngineStatus {
  readonly name: string;
  /** Why it cannot be reached; null: it can. */
  readonly error: string | null;
  readonly version: string | null;
  /** How long it takes to answer a question; ms. */
  readonly latencyMs: number | null;
  /** Whether it says when others change something; otherwise it is asked every second. */
  readonly notifies: boolean;
  /** What endangers messages, or makes it slow. */
  readonly warnings: readonly string[];
  readonly brokers: readonly OtherBroker[];
}
