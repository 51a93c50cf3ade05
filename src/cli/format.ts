import type { Message } from '../client/message.ts';
import { textOf } from '../codec/utf8.ts';
import { cliErrors } from './errors.ts';
import { firstHeaders } from './headers.ts';
import { jsonText, visible } from './visible.ts';

/** What is written to stdout for one message. */
export type Format = (message: Message) => Buffer;

export interface OutputFlags {
  readonly format?: string;
  readonly json?: true;
  readonly raw?: true;
  readonly null?: true;
}

const NEWLINE = Buffer.from('\n');
const NUL = Buffer.from('\0');

/** @throws SigmqError two-formats, bad-format */
export function formatOf(
  { format, json, raw, null: nul }: OutputFlags,
  isTerminal: boolean,
): Format {
  if ([format, json, raw, nul].filter((flag) => flag !== undefined).length > 1) {
    throw cliErrors.twoFormats();
  }
  if (json) return (message) => Buffer.from(`${jsonText(jsonOf(message))}\n`);
  if (format !== undefined) return parseFormat(format, isTerminal ? visible : bytesOf);
  if (raw) return ({ body }) => Buffer.from(body);
  const end = nul ? NUL : NEWLINE;
  if (isTerminal) return ({ body }) => Buffer.concat([Buffer.from(visible(body)), end]);
  return ({ body }) => Buffer.concat([body, end]);
}

function jsonOf(message: Message) {
  const { id, queue, attempt, releases, body } = message;
  const headers = firstHeaders(message);
  const text = textOf(body);
  return {
    id,
    queue,
    attempt,
    ...(releases > 0 ? { releases } : {}),
    time: new Date().toISOString(),
    bytes: body.length,
    ...(headers.length > 0 ? { headers: Object.fromEntries(headers) } : {}),
    ...(text === undefined
      ? { body: Buffer.from(body).toString('base64'), base64: true }
      : { body: text }),
  };
}

type FormatPart = (message: Message) => string | Uint8Array;

/** What a message contributes. */
const PARTS = new Map<string, FormatPart>([
  ['%p', ({ body }) => body],
  ['%i', ({ id }) => String(id ?? '')],
  ['%q', ({ queue }) => queue],
  ['%a', ({ attempt }) => String(attempt)],
  ['%r', ({ releases }) => String(releases)],
  ['%l', ({ body }) => String(body.length)],
  ['%t', () => new Date().toISOString()],
]);
/** Escapes for characters that are hard to type; everything else stands for itself. */
const CHARACTERS = new Map([
  ['%%', '%'],
  ['\\n', '\n'],
  ['\\t', '\t'],
  ['\\0', '\0'],
  ['\\\\', '\\'],
]);
const TOKEN = /%h\{([^}]*)\}|%.?|\\.?|[^%\\]+/gsu;

/**
 * @param shown how to write what a message contributes; the format itself is the user's
 * @throws SigmqError bad-format
 */
function parseFormat(format: string, shown: (part: string | Uint8Array) => string | Uint8Array) {
  const parts = [...format.matchAll(TOKEN)].map(([token, header]): FormatPart => {
    const part =
      header === undefined ? PARTS.get(token) : (message: Message) => headerOf(message, header);
    if (part) return (message) => shown(part(message));
    const text = CHARACTERS.get(token) ?? token;
    if (text === token && /^[%\\]/.test(token)) throw cliErrors.badFormat(token);
    return () => text;
  });
  return (message: Message) => Buffer.concat(parts.map((part) => bytesOf(part(message))));
}

function bytesOf(part: string | Uint8Array): Uint8Array {
  return typeof part === 'string' ? Buffer.from(part) : part;
}

function headerOf(message: Message, wanted: string): string {
  return (
    firstHeaders(message).find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1] ?? ''
  );
}
