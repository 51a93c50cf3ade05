import { DEFAULT_PEEK_LIMIT, type Inspection, type Selection, type Stored } from './inspection.ts';
import { type MessageState, STATES } from './message.ts';
import { MAX_CHARACTER_BYTES } from './text.ts';

/** Messages requested at a time. */
const PAGE = 100;
/** Bytes of a body that come along with its message: most bodies are that short. */
const FIRST_BYTES = 1 << 10;
/** Bytes of a body requested at a time; neither side has more of it in memory. */
const SLICE_BYTES = 128 << 10;

type Peek = Pick<Inspection, 'peek'>;

/** Like {@link Inspection.peek}, one message after the other, however many there are and however large. */
export async function* messagesOf(
  inspection: Peek,
  queue: string,
  selection: Selection = {},
): AsyncGenerator<Stored> {
  let { limit = DEFAULT_PEEK_LIMIT } = selection;
  for (const state of selection.state ? [selection.state] : STATES) {
    for (const ids of selection.ids ? chunks(selection.ids, PAGE) : [undefined]) {
      const some = { ...selection, state, ids, limit };
      for await (const message of inState(inspection, queue, some)) {
        yield message;
        if (--limit <= 0) return;
      }
    }
  }
}

export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  );
}

/** The body of a message returned by {@link Inspection.peek}; ends early if the message goes away. */
export async function* bodyOf(
  inspection: Peek,
  queue: string,
  { id, body, bytes }: Stored,
  { fromByte = 0, maxBody = Number.POSITIVE_INFINITY }: Selection = {},
): AsyncGenerator<Uint8Array> {
  const end = Math.min(bytes, fromByte + maxBody);
  let at = fromByte + body.length;
  if (body.length > 0) yield body;
  while (isShort(at, end, bytes)) {
    const slice = { ids: [id], limit: 1, fromByte: at, maxBody: Math.min(end - at, SLICE_BYTES) };
    const [more] = await inspection.peek(queue, slice);
    if (!more || more.body.length === 0) return;
    at += more.body.length;
    yield more.body;
  }
}

async function* inState(
  inspection: Peek,
  queue: string,
  selection: Selection & { readonly state: MessageState; readonly limit: number },
): AsyncGenerator<Stored> {
  const { limit, maxBody = Number.POSITIVE_INFINITY } = selection;
  for (let seen = 0; seen < limit; seen += PAGE) {
    const page = await inspection.peek(queue, {
      ...selection,
      limit: Math.min(limit - seen, PAGE),
      skip: (selection.skip ?? 0) + seen,
      maxBody: Math.min(maxBody, FIRST_BYTES),
    });
    for (const message of page) {
      const whole = await wholeOf(inspection, queue, message, selection);
      if (whole) yield whole;
    }
    if (page.length < PAGE) return;
  }
}

/** With what is missing of its body. @returns undefined: the message has gone away in the meantime */
export async function wholeOf(
  inspection: Peek,
  queue: string,
  message: Stored,
  selection: Selection,
): Promise<Stored | undefined> {
  const { fromByte = 0, maxBody = Number.POSITIVE_INFINITY } = selection;
  const wanted = Math.max(0, Math.min(message.bytes - fromByte, maxBody));
  if (!isShort(message.body.length, wanted, message.bytes - fromByte)) return message;
  const slices: Uint8Array[] = [];
  for await (const slice of bodyOf(inspection, queue, message, selection)) slices.push(slice);
  const body = Buffer.concat(slices);
  return isShort(body.length, wanted, message.bytes - fromByte) ? undefined : { ...message, body };
}

/** Whether there is more to request. A body that is cut may lack part of a character at its end. */
function isShort(have: number, wanted: number, all: number): boolean {
  return wanted < all ? wanted - have >= MAX_CHARACTER_BYTES : have < wanted;
}
