import { Exit } from '../errors.ts';
import { type Answer, AnswerKind, encodeAnswer } from '../link/answer.ts';
import type { Told } from '../link/settlement.ts';
import type { Replied } from '../queue/asks.ts';
import type { Outcome } from '../queue/message.ts';
import type { Peer } from './peer.ts';

/** Who asks, in the store: `PID:START:NUMBER PLACE`. @param place where its PID means something */
export function askerOf({ pid, start }: Peer, number: number, place: string): string {
  return `${pid}:${start}:${number} ${place}`;
}

/** The process that asks, and its number; undefined: no broker has written that. */
export function askedBy(asker: string): (Peer & { readonly number: number }) | undefined {
  const match = /^(\d+):(\d+):(\d+) /.exec(asker);
  if (!match) return undefined;
  const [pid = 0, start = 0, number = 0] = match.slice(1).map(Number);
  return { pid, start, number };
}

/** What who asked is told once it has ended for good; undefined: nobody asked, or it has not. */
export function repliedOf(
  asker: string | undefined,
  outcome: Outcome,
  told: Told | undefined,
): Replied | undefined {
  if (asker === undefined) return undefined;
  const ifGone = contentOf(outcome, told, 'gone');
  // A reply is one whatever becomes of the message, and may be long.
  return { asker, ifGone, ifDead: told?.reply ? ifGone : contentOf(outcome, told, 'dead') };
}

/** See docs/protocol.md, section 9. @param became a consumer that replied and rejects it has replied all the same */
export function contentOf(
  outcome: Outcome,
  told: Told | undefined,
  became: 'gone' | 'dead',
): Uint8Array {
  return encodeAnswer(answerOf(outcome, told, became));
}

function answerOf(
  { kind }: Outcome,
  { exitCode, reply }: Told = {},
  became: 'gone' | 'dead',
): Answer {
  if (reply) return { kind: AnswerKind.Reply, exitCode, body: reply };
  if (became === 'gone') return { kind: AnswerKind.None, exitCode, body: NOTHING };
  const code = exitCode ?? (kind === 'dead' ? Exit.BadData : undefined);
  return { kind: AnswerKind.Dead, exitCode: code, body: NOTHING };
}

const NOTHING = new Uint8Array();
