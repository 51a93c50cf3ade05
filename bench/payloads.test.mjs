// Whether what the benchmarks send is what they say that it is.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { bodies, bytes, jobText, LARGEST, linesOf } from './payloads.mjs';

const COUNT = 2000;
const sizes = (kind) => bodies(kind, COUNT).map((body) => body.length);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const LINES = /** @type {const} */ (['job', 'order', 'log', 'short', 'printable']);

describe('the payloads of the benchmarks', () => {
  for (const kind of LINES) {
    it(`${kind}: the same for the same seed, others for another`, () => {
      assert.deepEqual(bodies(kind, COUNT, 7), bodies(kind, COUNT, 7));
      assert.notDeepEqual(bodies(kind, COUNT, 7), bodies(kind, COUNT, 8));
    });

    it(`${kind}: no two lines are alike, and each is one line of ASCII`, () => {
      const lines = bodies(kind, COUNT);
      assert.equal(new Set(lines).size, COUNT);
      for (const line of lines) assert.match(String(line), /^[!-~]([ -~]*[!-~])?$/);
      assert.equal(linesOf(kind, COUNT), `${lines.join('\n')}\n`);
    });
  }

  it('jobs have 177 bytes on average, and no field is the same in all', () => {
    assert.ok(Math.abs(mean(sizes('job')) - 177) < 1, `${mean(sizes('job'))} bytes`);
    const jobs = bodies('job', COUNT).map((body) => JSON.parse(String(body)));
    for (const field of Object.keys(jobs[0])) {
      const values = new Set(jobs.map((job) => job[field]));
      assert.ok(values.size > 5, `${field} has ${values.size} values`);
    }
  });

  it('orders have 166 bytes on average, go up, and pack better than jobs', () => {
    assert.ok(Math.abs(mean(sizes('order')) - 166) < 1, `${mean(sizes('order'))} bytes`);
    const orders = bodies('order', COUNT).map((body) => JSON.parse(String(body)));
    for (const [n, { id, created }] of orders.entries()) {
      const before = orders[n - 1];
      if (before) assert.ok(before.id < id && before.created <= created);
    }
    const packed = (kind) => deflateRawSync(linesOf(kind, COUNT)).length;
    assert.ok(packed('order') < packed('job'));
  });

  it('log lines have some 83 bytes, short ones 20 exactly', () => {
    assert.ok(Math.abs(mean(sizes('log')) - 83) < 3, `${mean(sizes('log'))} bytes`);
    assert.deepEqual(new Set(sizes('short')), new Set([20]));
  });

  it('a large message has 64 KiB exactly, as JSON lines or as any bytes', () => {
    assert.equal(Buffer.byteLength(jobText()), LARGEST);
    for (const line of jobText().split('\n').slice(0, -1)) JSON.parse(line);
    assert.equal(bytes().length, LARGEST);
    assert.equal(new Set(bytes()).size, 256);
    const [text, other] = bodies('text', 2);
    assert.notEqual(text, other);
  });

  it('jobs pack to a half or less, random bytes not at all', () => {
    assert.ok(deflateRawSync(jobText()).length < LARGEST / 2);
    assert.ok(deflateRawSync(bytes()).length >= LARGEST);
    const noise = linesOf('printable', 100);
    assert.ok(deflateRawSync(noise).length > noise.length * 0.8);
  });
});
