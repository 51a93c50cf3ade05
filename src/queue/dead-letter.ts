import type { Failure, FailureKind } from './failure.ts';
import type { Headers } from './message.ts';

/** The names that RabbitMQ gives them (https://www.rabbitmq.com/docs/dlx#effects), and `x-last-death-error`. */
const LAST = 'x-last-death-';
const FIRST = 'x-first-death-';

const REASONS: Record<FailureKind, string> = {
  failed: 'delivery_limit',
  lost: 'delivery_limit',
  released: 'delivery_limit',
  rejected: 'rejected',
  expired: 'expired',
};

/** Characters of the reason that a header has. */
const MAX_ERROR_CHARACTERS = 256;
/**
 * What the headers of a message may come to, so that a frame still has room for what a delivery adds to them: of
 * docs/protocol.md, section 6, 4096 bytes and 256 fields.
 */
const MAX_BYTES = 3800;
const MAX_HEADERS = 240;

/** The headers of a message that moves to another queue because it is dead: where it comes from, and why. */
export function deadLetterHeaders(headers: Headers, { queue, kind, reason }: Failure): Headers {
  const before = headers.filter(([name]) => !name.startsWith(LAST));
  const said = [
    ['queue', queue],
    ['reason', REASONS[kind]],
  ] as const;
  const isFirst = !headers.some(([name]) => name.startsWith(FIRST));
  const where = [
    ...before,
    ...(isFirst ? said.map(([name, value]) => [FIRST + name, value] as const) : []),
    ...said.map(([name, value]) => [LAST + name, value] as const),
  ];
  const error = reason?.replaceAll(/\p{Cc}+/gu, ' ').trim();
  const all = error ? [...where, [`${LAST}error`, cut(error)] as const] : where;
  return [all, where, before].find(fits) ?? headers;
}

function cut(text: string): string {
  return [...text].slice(0, MAX_ERROR_CHARACTERS).join('');
}

/** A tag, a length of one byte or two, the name, a zero byte and the value. */
function fits(headers: Headers): boolean {
  const bytes = headers.reduce((sum, pair) => sum + Buffer.byteLength(pair.join()) + 3, 0);
  return bytes <= MAX_BYTES && headers.length <= MAX_HEADERS;
}
