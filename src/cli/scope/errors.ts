import { Exit } from '../../errors.ts';
import { CliError } from '../errors.ts';

/** Errors of recordings and their pictures. */
export const scopeErrors = {
  notARecording: (path: string, why: string) =>
    new CliError(
      'not-a-recording',
      Exit.BadData,
      `${path} is no recording: ${why}.`,
      'Record one with `sigmq send --vcd FILE` or `sigmq listen --vcd FILE`.',
    ),
  sameFile: (path: string) =>
    new CliError(
      'same-file',
      Exit.Usage,
      `${path} would be both the recording and its picture.`,
      'Give the picture a name of its own.',
    ),
  cannotRecord: (path: string, cause: unknown) =>
    new CliError(
      'cannot-record',
      Exit.CannotCreate,
      `Cannot write ${path}: ${(cause as Error).message}.`,
      'Name a file that can be written.',
      cause,
    ),
};
