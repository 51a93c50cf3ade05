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
  exists: (path: string) =>
    new CliError(
      'recording-exists',
      Exit.CannotCreate,
      `${path} already exists.`,
      'Name another file, or give --force.',
    ),
  noReader: (path: string, cause: unknown) =>
    new CliError(
      'cannot-record',
      Exit.CannotCreate,
      `${path} is a pipe that nobody reads.`,
      'Start its reader first, or name a file.',
      cause,
    ),
  stuckReader: (path: string, cause: unknown) =>
    new CliError(
      'cannot-record',
      Exit.CannotCreate,
      `The reader of the pipe ${path} takes nothing more: the recording ends here.`,
      'Name a file, which need not be read.',
      cause,
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
