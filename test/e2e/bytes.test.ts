/** Bytes that are not UTF-8 arrive as they are, or are refused: never changed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { DIST, Program, type RunOptions, Stage } from './harness.ts';

const SIGMQ = join(DIST, 'bin/sigmq.js');
const LATIN1 = Buffer.from([0x63, 0x61, 0x66, 0xe9]); // café

/** Runs a script of bash, which can write any byte; `s` is sigmq. */
function bash(t: TestContext, stage: Stage, script: string, env: RunOptions['env'] = {}) {
  const text = `s() { "$NODE" "$SIGMQ" "$@"; }; ${script}`;
  const all = { SIGMQ_DIR: stage.dir, NODE: process.execPath, SIGMQ, ...env };
  return new Program(t, 'bash', ['-c', text], { env: all }).ended;
}

async function staged(t: TestContext) {
  const stage = new Stage(t);
  await stage.broker(['--memory']);
  const first = async () => (await stage.sigmq(['consume', '-c1', '-e', '--raw']).ended).stdout;
  return { stage, first };
}

describe('bytes that are not UTF-8', () => {
  it('in a message are sent as they are', async (t) => {
    const { stage, first } = await staged(t);
    assert.equal((await bash(t, stage, String.raw`s send $'caf\xe9'`)).code, 0);
    assert.deepEqual(await first(), LATIN1);
    const words = String.raw`s send -H k:ä one --priority 2 $'\xff' größer -- $'\xfe\xfd' -x`;
    assert.equal((await bash(t, stage, words)).code, 0);
    const text = Buffer.from('größer');
    const expected = ['one ', [0xff], ' ', text, ' ', [0xfe, 0xfd], ' -x'];
    assert.deepEqual(
      await first(),
      Buffer.concat(expected.map((part) => Buffer.from(part as string))),
    );
  });

  it('are told from the character that stands for them', async (t) => {
    const { stage, first } = await staged(t);
    await stage.sent(['-H', 'k:\ufffd', 'a\ufffdb']);
    assert.equal(String(await first()), 'a\ufffdb');
  });

  it('in an option, or the words of a command, are refused with 65', async (t) => {
    const { stage, first } = await staged(t);
    for (const script of [
      String.raw`s send -H k:$'\xe9' x`,
      String.raw`s send -H k:$'\xe9' $'\xff'`,
      String.raw`s send -f /tmp/$'\xe9'`,
      String.raw`s consume -- echo $'\xe9'`,
      String.raw`s ls --data /tmp/$'\xe9'`,
    ]) {
      const { code, stderr } = await bash(t, stage, script);
      assert.equal(code, 65, `${script}: ${stderr}`);
      assert.match(stderr, /not UTF-8.*standard input/);
    }
    assert.equal((await first()).length, 0);
  });

  it('in the environment of a command, or of sigmq, are refused with 65', async (t) => {
    const { stage } = await staged(t);
    await stage.sent(['x']);
    for (const script of [
      String.raw`export THEIRS=$'\xe9'; s consume -c1 -- true`,
      String.raw`SIGMQ_DIR=/tmp/$'\xe9' s send x`,
    ]) {
      const { code, stderr } = await bash(t, stage, script);
      assert.equal(code, 65, `${script}: ${stderr}`);
      assert.match(stderr, /The environment variable (THEIRS|SIGMQ_DIR) contains bytes/);
    }
    const fine = String.raw`export FINE=$'\xef\xbf\xbd' ODD=$'\xe9'; s consume -c1`;
    assert.equal((await bash(t, stage, fine)).stdout.toString(), 'x\n');
    await stage.sent(['x']);
    const command = String.raw`export FINE=$'\xef\xbf\xbd'; s consume -c1 -- printenv FINE`;
    assert.equal((await bash(t, stage, command)).stdout.toString(), '\ufffd\n');
  });
});
