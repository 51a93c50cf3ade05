import { leaveClosedTerminals } from './terminal.ts';

/** What each program does before it reads anything. May be called more than once. */
export function begin(): void {
  process.off('exit', leaveClosedTerminals).once('exit', leaveClosedTerminals);
  forgetEmptyVariables();
}

/** An empty variable counts as not set; commander would take it for an empty value. */
export function forgetEmptyVariables(): void {
  for (const name of ['SIGMQ_DIR', 'SIGMQ_DATA', 'SIGMQ_STORE', 'SIGMQ_QUEUE']) {
    if (process.env[name] === '') delete process.env[name];
  }
}
