import type { TestContext } from 'node:test';

const endings = new WeakMap<TestContext, (() => unknown)[]>();

/** As `t.after`, but the last first: a directory goes when the programs in it have ended. */
export function endAfter(t: TestContext, end: () => unknown): void {
  const known = endings.get(t);
  if (known) {
    known.push(end);
    return;
  }
  const mine = [end];
  endings.set(t, mine);
  t.after(async () => {
    for (const end of mine.reverse()) await end();
  });
}
