import { readFileSync } from 'node:fs';
import { cliErrors } from './errors.ts';

/** What Node substitutes for bytes that are not UTF-8: then the text differs from what was given. */
export const REPLACEMENT = '\ufffd';
/** Variables that name a place or a queue of ours. */
const OURS = [
  'SIGMQ_DIR',
  'SIGMQ_DATA',
  'SIGMQ_STORE',
  'SIGMQ_QUEUE',
  'XDG_RUNTIME_DIR',
  'XDG_STATE_HOME',
  'XDG_CONFIG_HOME',
  'HOME',
];
/** The words that Node itself adds: the executable and the script. */
const OWN_WORDS = 2;

/**
 * The bytes of words of the command line, as they were given.
 * @param words operands, as Node has decoded them; there may be options between them
 * @throws SigmqError not-utf8 if an option has bytes that are not UTF-8, or the bytes cannot be known
 */
export function bytesOf(words: readonly string[], given = argumentsGiven()): Buffer[] {
  const suspects = given.filter(({ text }) => text.includes(REPLACEMENT));
  const wanted = words.filter((word) => word.includes(REPLACEMENT));
  if (suspects.length !== wanted.length || suspects.some(({ bytes }) => bytes === undefined)) {
    assertUnchanged(suspects); // one belongs to an option, and it is not known which
    return words.map((word) => Buffer.from(word));
  }
  // All of them are words, in the same order.
  return words.map((word) =>
    word.includes(REPLACEMENT) ? (suspects.shift()?.bytes as Buffer) : Buffer.from(word),
  );
}

/** @throws SigmqError not-utf8 */
export function assertUnchangedArguments(): void {
  assertUnchanged(argumentsGiven());
}

/** For variables that sigmq itself reads. @throws SigmqError not-utf8 */
export function assertUnchangedSettings(env: NodeJS.ProcessEnv = process.env): void {
  assertNoneChanged(OURS.map((name): [string, string] => [name, env[name] ?? '']));
}

/** For everything that a command receives. @throws SigmqError not-utf8 */
export function assertUnchangedEnvironment(env: NodeJS.ProcessEnv = process.env): void {
  assertNoneChanged(Object.entries(env) as [string, string][]);
}

interface Given {
  readonly text: string;
  /** Undefined: not known. */
  readonly bytes: Buffer | undefined;
}

function assertUnchanged(given: readonly Given[]): void {
  for (const { text, bytes } of given) {
    if (text.includes(REPLACEMENT) && !bytes?.equals(Buffer.from(text))) {
      throw cliErrors.notUtf8(`The argument ${JSON.stringify(text)}`);
    }
  }
}

function assertNoneChanged(variables: readonly (readonly [string, string])[]): void {
  const suspects = variables.filter((pair) => pair.join('=').includes(REPLACEMENT));
  if (suspects.length === 0) return;
  const raw = entriesOf('/proc/self/environ').map((bytes) => bytes.toString('latin1'));
  for (const pair of suspects) {
    // A variable whose text is as it was given really contains this character.
    const asGiven = Buffer.from(pair.join('=')).toString('latin1');
    if (!raw.includes(asGiven)) throw cliErrors.notUtf8(`The environment variable ${pair[0]}`);
  }
}

function argumentsGiven(): Given[] {
  const texts = process.argv.slice(OWN_WORDS);
  if (!texts.some((text) => text.includes(REPLACEMENT))) return texts.map(asGiven);
  const raw = entriesOf('/proc/self/cmdline').slice(-texts.length);
  return texts.map((text, at) => {
    const bytes = raw[at];
    return { text, bytes: bytes?.toString() === text ? bytes : undefined };
  });
}

function asGiven(text: string): Given {
  return { text, bytes: Buffer.from(text) };
}

/** What precedes each zero byte; nothing where there is no /proc. */
function entriesOf(path: string): Buffer[] {
  const entries: Buffer[] = [];
  try {
    const all = readFileSync(path);
    for (let at = 0; at < all.length; ) {
      const found = all.indexOf(0, at);
      const end = found === -1 ? all.length : found;
      entries.push(all.subarray(at, end));
      at = end + 1;
    }
  } catch {
    // then it is not known
  }
  return entries;
}
