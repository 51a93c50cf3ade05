import { Exit, SigmqError } from '../errors.ts';

/** The messages of what is special to consumers. */
export const consumerErrors = {
  hasHandler: () =>
    new SigmqError(
      'has-handler',
      Exit.Usage,
      'This consumer has a handler, which gets its messages.',
      'Loop over a consumer that was opened without one.',
    ),
  noGroups: (cause: unknown) =>
    new SigmqError(
      'no-groups',
      Exit.Config,
      'The broker is of an earlier version, which knows no groups.',
      'Restart it with this version.',
      cause,
    ),
  noGroupYet: (cause: SigmqError) =>
    new SigmqError(
      'no-group-yet',
      Exit.TryAgain,
      `The broker cannot make the group now, and is asked until it can. ${cause.message}`,
      cause.hint,
      cause,
    ),
};
