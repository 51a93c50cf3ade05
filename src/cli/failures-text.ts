import type { Failure } from '../queue/failure.ts';
import { preview } from './preview.ts';

/** Why an attempt failed, in lines: when and who, then what was said. */
export function failureLines({ kind, attempt, at, queue, pid, host, reason }: Failure): string[] {
  const who = pid === undefined ? [] : [`consumer ${pid} on ${host ?? 'an unknown host'}`];
  const what = attempt === undefined ? kind : `attempt ${attempt} ${kind}`;
  const said = reason?.trimEnd().split('\n') ?? [];
  return [[what, new Date(at).toISOString(), `queue ${queue}`, ...who].join(', '), ...said];
}

/** The same on one line, cut, for a list. */
export function failureText(failure: Failure | undefined): string {
  if (!failure) return '';
  const body = Buffer.from(failure.reason?.trimEnd() ?? '');
  return [failure.kind, preview({ body, bytes: body.length })].filter(Boolean).join(': ');
}
