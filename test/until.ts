import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a condition may take before the test says what it waited for. A bound, not a measure; ms. */
export const PATIENCE_MS = 60_000;

/** Waits until `condition` gives something other than undefined and false. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) {
      assert.fail(`still waiting for ${typeof what === 'string' ? what : what()}`);
    }
    await pause(5);
  }
}
