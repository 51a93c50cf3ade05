import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linuxProcessTable } from '../../src/registry/linux-process-table.ts';
import { patientTable } from '../../src/registry/patient-table.ts';
import type { ProcessInfo, ProcessTable } from '../../src/registry/process-info.ts';

const SELF = linuxProcessTable.read(process.pid) as ProcessInfo;

/** A process that blocks both for the first looks. */
function blocking(looks: number) {
  let seen = 0;
  const table: ProcessTable = {
    ...linuxProcessTable,
    read: () => ({ ...SELF, blocksBoth: ++seen <= looks }),
  };
  return { table, looks: () => seen };
}

const noSleep = () => {};

describe('patientTable', () => {
  it('takes nobody for an echo peer that blocks both signals for a moment', () => {
    const { table } = blocking(3);
    assert.equal(patientTable(table, noSleep).read(1)?.blocksBoth, false);
  });

  it('waits for who keeps blocking them, once', () => {
    const { table, looks } = blocking(Number.POSITIVE_INFINITY);
    const patient = patientTable(table, noSleep);
    assert.equal(patient.read(1)?.blocksBoth, true);
    const first = looks();
    assert.equal(patient.read(1)?.blocksBoth, true);
    assert.equal(looks(), first + 1);
  });

  it('does not wait for who does not block them', () => {
    const { table, looks } = blocking(0);
    assert.equal(patientTable(table, noSleep).read(1)?.blocksBoth, false);
    assert.equal(looks(), 1);
  });
});
