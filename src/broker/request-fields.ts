import { Exit, SigmqError } from '../errors.ts';
import { MAX_ROWS } from '../link/request.ts';
import { isQueueName, MAX_QUEUES } from '../options/kinds.ts';
import { type MessageState, type Selection, STATES } from '../queue/store.ts';

/**
 * What a request contains besides its name. Anything that is not understood is refused: otherwise a request to
 * remove one message could be taken to mean all.
 */
export type Fields = Readonly<Record<string, unknown>>;

/** Characters of a name that an error quotes. */
const MAX_NAME_CHARACTERS = 40;

/** The fields of any request; none if it is not an object. */
export function fieldsOf(content: unknown): Fields {
  return (content ?? {}) as Fields;
}

/** @throws SigmqError bad-request, like all of these */
export function queueOf({ queue }: Fields): string {
  if (typeof queue !== 'string' || !isQueueName(queue)) throw badRequest('queue');
  return queue;
}

/** Names of queues; anything else names nothing. */
export function queuesOf({ queues }: Fields): Set<unknown> {
  if (!Array.isArray(queues)) throw badRequest('queues');
  return new Set(queues.slice(0, MAX_QUEUES));
}

/** Where a page of queues begins: after this name. */
export function pageOf({ after, limit }: Fields): { after: string; limit?: number } {
  if (after !== undefined && typeof after !== 'string') throw badRequest('after');
  return { after: after ?? '', ...numberOf('limit', limit) };
}

/** @param absent what its absence means; undefined: it must be there */
export function flagOf(name: string, fields: Fields, absent?: boolean): boolean {
  const { [name]: value = absent } = fields;
  if (typeof value !== 'boolean') throw badRequest(name);
  return value;
}

const SELECTING = new Set(['op', 'queue', 'state', 'ids', 'limit', 'skip', 'fromByte', 'maxBody']);

/** An unknown field that should narrow a selection would widen it, so that is refused too. */
export function selectionOf(fields: Fields): Selection {
  const unknown = Object.keys(fields).find((name) => !SELECTING.has(name));
  if (unknown !== undefined) throw badRequest(unknown.slice(0, MAX_NAME_CHARACTERS));
  const { state, ids, limit, skip, fromByte, maxBody } = fields;
  if (state !== undefined && !STATES.includes(state as MessageState)) throw badRequest('state');
  return {
    ...(state === undefined ? {} : { state: state as MessageState }),
    ...(ids === undefined ? {} : { ids: idsOf(ids) }),
    ...numberOf('limit', limit),
    ...numberOf('skip', skip),
    ...numberOf('fromByte', fromByte),
    ...numberOf('maxBody', maxBody),
  };
}

function idsOf(ids: unknown): number[] {
  if (!Array.isArray(ids) || ids.length > MAX_ROWS) throw badRequest('ids');
  return ids.map((id) => numberOf('ids', id).ids as number);
}

function numberOf<Name extends string>(name: Name, value: unknown): { [name in Name]?: number } {
  if (value === undefined) return {};
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badRequest(name);
  return { [name]: value } as { [name in Name]?: number };
}

function badRequest(name: string): SigmqError {
  return new SigmqError(
    'bad-request',
    Exit.Usage,
    `A request has a ${name} that the broker does not understand.`,
    'Its version may differ from that of this command.',
  );
}

export function unknownRequest(op: unknown): SigmqError {
  const name =
    typeof op === 'string' ? JSON.stringify(op.slice(0, MAX_NAME_CHARACTERS)) : 'without a name';
  return new SigmqError(
    'unknown-request',
    Exit.Usage,
    `The broker does not know the request ${name}.`,
    'Its version may differ from that of this command.',
  );
}
