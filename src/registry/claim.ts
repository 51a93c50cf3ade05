import type { Registered } from './vet.ts';

/** What is known from a line that starts with a PID, in consumers.txt or broker.pid. */
export interface Claim {
  /** The `key=value` pairs after the first space, decoded; anything else is skipped. */
  readonly attrs: ReadonlyMap<string, string>;
  /** When the file was last written, by the wall clock, be it this line or another; ms since 1970. */
  readonly writtenMs: number;
}

/** What sigmq writes after the PID of a line that does not say it (docs/protocol.md, section 1.1). */
export interface Mark {
  /** `start`: this very process. `before`: one that started earlier than that. */
  readonly key: 'start' | 'before';
  /** Clock ticks since boot. */
  readonly ticks: number;
}

/** The pairs of a line; if a key occurs twice the first one counts, so that what sigmq inserts at the front counts. */
export function attributesOf(line: string): ReadonlyMap<string, string> {
  const attrs = new Map<string, string>();
  for (const word of line.split(/[ \t\r]+/).slice(1)) {
    const at = word.indexOf('=');
    const key = word.slice(0, at);
    if (at > 0 && !attrs.has(key)) attrs.set(key, decode(word.slice(at + 1)));
  }
  return attrs;
}

/** Which process a line stands for, in the form that vetTarget takes. Junk is ignored. */
export function registeredBy({ attrs, writtenMs }: Claim): Registered {
  return {
    start: ticksOf(attrs.get('start')),
    before: ticksOf(attrs.get('before')),
    writtenMs,
    saysPlain: attrs.get('peer') === 'plain',
  };
}

/** Whether a line itself says which process it stands for, whatever is done to its file. */
export function isMarked({ attrs }: Pick<Claim, 'attrs'>): boolean {
  return ticksOf(attrs.get('start') ?? attrs.get('before')) !== undefined;
}

/** The mark goes after the PID; everything else stays as it is. */
export function withMark(line: string, { key, ticks }: Mark): string {
  return line.replace(/^[0-9]+/, (pid) => `${pid} ${key}=${ticks}`);
}

function ticksOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

/** The counterpart of `encode` in consumers-edit.ts. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a foreign program's percent sign
  }
}
