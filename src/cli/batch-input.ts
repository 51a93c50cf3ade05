import type { Message } from '../client/message.ts';

const NEWLINE = 0x0a;
const TAB = Buffer.from('\t');
/** Characters of a line that is quoted. */
const MAX_QUOTED = 40;

export interface BatchForm {
  /** A zero byte ends a message; otherwise a newline does. */
  readonly isNull: boolean;
  /** Each begins with its id and a tab. */
  readonly isPartial: boolean;
}

/** What cannot be in a message, because it ends one: its name for people; undefined: there is none in it. */
export function misfitOf({ body }: Message, isNull: boolean): string | undefined {
  if (isNull) return body.includes(0) ? 'a zero byte' : undefined;
  return body.includes(NEWLINE) ? 'a newline' : undefined;
}

/** What a command reads. */
export function inputOf(messages: readonly Message[], { isNull, isPartial }: BatchForm): Buffer {
  const end = Buffer.from(isNull ? '\0' : '\n');
  return Buffer.concat(
    messages.flatMap((message) => [
      ...(isPartial ? [Buffer.from(idOf(message)), TAB] : []),
      message.body,
      end,
    ]),
  );
}

/** What a command has named, one id a line. */
export interface Named {
  readonly named: ReadonlySet<Message>;
  /** The first line that is none of their ids, for people. */
  readonly stranger: string | undefined;
}

/** @param isWhole the command has exited by itself: the last line is whole, even if it has no end */
export function namedIn(output: Uint8Array, messages: readonly Message[], isWhole: boolean): Named {
  const ids = new Map(messages.map((message) => [idOf(message), message]));
  const lines = Buffer.from(output).toString().split('\n');
  const last = lines.pop() ?? '';
  if (isWhole) lines.push(last);
  const named = new Set<Message>();
  let stranger: string | undefined;
  for (const line of lines.map((text) => text.trim()).filter((text) => text !== '')) {
    const message = ids.get(line);
    if (message) named.add(message);
    else stranger ??= JSON.stringify(line.slice(0, MAX_QUOTED));
  }
  return { named, stranger };
}

function idOf({ id }: Message): string {
  return String(id ?? '');
}
