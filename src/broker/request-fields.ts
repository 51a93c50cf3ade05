import { Exit, SigmqError } from '../errors.ts';
import { MAX_ROWS } from '../link/request.ts';
import { MAX_DURATION_MS } from '../options/durations.ts';
import { isGroupQueue, isQueueOrGroup } from '../options/groups.ts';
import { MAX_QUEUES } from '../options/kinds.ts';
import { isQueueName } from '../options/queue-name.ts';
import type { BodyPart, Edit, Kicked, Selection } from '../queue/inspection.ts';
import { type MessageState, STATES } from '../queue/message.ts';
import { checkQueueChange, type QueueChange } from '../queue/queue-settings.ts';

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
  if (!isQueueOrGroup(queue)) throw badRequest('queue');
  return queue;
}

/** The full name of a group. */
export function groupOf(fields: Fields): string {
  assertOnly(['group'], fields);
  const { group } = fields;
  if (!isGroupQueue(group)) throw badRequest('group');
  return group;
}

/** The full names of groups. */
export function groupsOf(fields: Fields): string[] {
  assertOnly(['groups'], fields);
  const { groups } = fields;
  if (!Array.isArray(groups) || groups.length > MAX_QUEUES || !groups.every(isGroupQueue))
    throw badRequest('groups');
  return groups;
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

/** What was told to somebody who watches; 0: nothing. */
export function sinceOf(fields: Fields): number {
  return numberOf('since', fields.since).since ?? 0;
}

/** @param absent what its absence means; undefined: it must be there */
export function flagOf(name: string, fields: Fields, absent?: boolean): boolean {
  const { [name]: value = absent } = fields;
  if (typeof value !== 'boolean') throw badRequest(name);
  return value;
}

const PART = ['fromByte', 'maxBody'];
const SELECTION = ['queue', 'state', 'ids', 'limit', 'skip', ...PART];
const EDIT = ['ids', 'queue', 'priority', 'delayMs'];

export function selectionOf(fields: Fields): Selection {
  assertOnly(SELECTION, fields);
  const { state, ids, limit, skip } = fields;
  if (state !== undefined && !STATES.includes(state as MessageState)) throw badRequest('state');
  return {
    ...(state === undefined ? {} : { state: state as MessageState }),
    ...(ids === undefined ? {} : { ids: idsOf(ids) }),
    ...numberOf('limit', limit),
    ...numberOf('skip', skip),
    ...partOf(fields),
  };
}

/** Dead messages that are to be ready again, and where. */
export function kickedOf({ to, ...fields }: Fields): Selection & Pick<Kicked, 'to'> {
  const selection = selectionOf(fields);
  if (to === undefined) return selection;
  if (!isQueueName(to)) throw badRequest('to');
  return { ...selection, to };
}

/** What is to be different about a queue; undefined: nothing, it is only looked at. */
export function changeOf(fields: Fields): QueueChange | undefined {
  assertOnly(['queue', 'set'], fields);
  const { set } = fields;
  if (set === undefined) return undefined;
  // What is set for a queue holds for its groups as well.
  if (!isQueueName(fields.queue)) throw badRequest('queue');
  checkQueueChange(set as QueueChange);
  return set as QueueChange;
}

/** One message, and which part of its body. */
export function foundOf(fields: Fields): { readonly id: number; readonly part: BodyPart } {
  assertOnly(['id', ...PART], fields);
  const { id } = numberOf('id', fields.id);
  if (id === undefined) throw badRequest('id');
  return { id, part: partOf(fields) };
}

/** The number of what was asked. */
export function askOf(fields: Fields): number {
  assertOnly(['number', 'queue'], fields);
  const { number } = numberOf('number', fields.number);
  if (number === undefined) throw badRequest('number');
  return number;
}

/** Messages that are to be removed. */
export function removedOf(fields: Fields): number[] {
  assertOnly(['ids'], fields);
  return idsOf(fields.ids);
}

/** Messages that are to be changed, and how. */
export function editOf(fields: Fields): { readonly ids: number[]; readonly edit: Edit } {
  assertOnly(EDIT, fields);
  const { ids, queue, priority, delayMs } = fields;
  return {
    ids: idsOf(ids),
    edit: {
      ...(queue === undefined ? {} : { queue: targetOf(fields) }),
      ...numberOf('priority', priority),
      ...numberOf('delayMs', delayMs, MAX_DURATION_MS),
    },
  };
}

/** Into a group comes only what its queue gets. */
function targetOf({ queue }: Fields): string {
  if (!isQueueName(queue)) throw badRequest('queue');
  return queue;
}

/** An unknown field that should narrow a request would widen it, so that is refused too. */
function assertOnly(names: readonly string[], fields: Fields): void {
  const unknown = Object.keys(fields).find((name) => name !== 'op' && !names.includes(name));
  if (unknown !== undefined) throw badRequest(unknown.slice(0, MAX_NAME_CHARACTERS));
}

function partOf({ fromByte, maxBody }: Fields): BodyPart {
  return { ...numberOf('fromByte', fromByte), ...numberOf('maxBody', maxBody) };
}

function idsOf(ids: unknown): number[] {
  if (!Array.isArray(ids) || ids.length > MAX_ROWS) throw badRequest('ids');
  return ids.map((id) => numberOf('ids', id).ids as number);
}

function numberOf<Name extends string>(
  name: Name,
  value: unknown,
  max = Number.MAX_SAFE_INTEGER,
): { [name in Name]?: number } {
  if (value === undefined) return {};
  const isOne = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
  if (!isOne) throw badRequest(name);
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
