import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { variablesOf } from '../../src/cli/job-variables.ts';
import { messageOf } from './fakes.ts';

describe('variablesOf', () => {
  it('tells a command its message under names that configure nothing', () => {
    const message = messageOf('x', { releases: 3, headers: [['x-kind', 'a']] });
    assert.deepEqual(variablesOf(message, { PATH: '/bin', SIGMQ_QUEUE: 'theirs' }), {
      PATH: '/bin',
      SIGMQ_QUEUE: 'theirs',
      SIGMQ_MESSAGE_ID: '7',
      SIGMQ_MESSAGE_QUEUE: 'q',
      SIGMQ_MESSAGE_ATTEMPT: '2',
      SIGMQ_MESSAGE_RELEASES: '3',
      SIGMQ_MESSAGE_HEADER_X_KIND: 'a',
      SIGMQ_ID: '7',
      SIGMQ_ATTEMPT: '2',
    });
  });

  it('leaves out what the caller was told of another message', () => {
    const stale = {
      SIGMQ_ID: '1',
      SIGMQ_ATTEMPT: '9',
      SIGMQ_HEADER_OLD: 'x',
      SIGMQ_MESSAGE_HEADER_OLD: 'x',
      SIGMQ_MESSAGE_OF_TOMORROW: 'x',
    };
    const names = Object.keys(variablesOf(messageOf('x', { id: undefined }), stale));
    assert.deepEqual(
      names.filter((name) => /OLD|TOMORROW/.test(name)),
      [],
    );
    assert.equal(variablesOf(messageOf('x', { id: undefined }), stale).SIGMQ_ID, '');
  });

  it('gives the first of headers that have the same name there', () => {
    const headers = [
      ['x-kind', 'first'],
      ['X-KIND', 'second'],
      ['x_kind', 'third'],
    ] as const;
    const variables = variablesOf(messageOf('x', { headers }), {});
    assert.equal(variables.SIGMQ_MESSAGE_HEADER_X_KIND, 'first');
  });
});
