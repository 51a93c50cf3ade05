/** The first process of a PID namespace, as in a container. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage } from './harness.ts';

const CONTAINER = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc'];
const BROKER = 'until [ -e $SIGMQ_DIR/broker.pid ]; do sleep .05; done';
const CONSUMER = 'until [ -s $SIGMQ_DIR/consumers.txt ]; do sleep .05; done';

describe('PID 1 of a container', () => {
  it('may be a broker', async (t) => {
    const script = `(${BROKER}; $S send x; echo send $?; $S consume -c1 --quiet; echo consume $?
$S doctor; kill 1) & exec $S broker`;
    const { code, stdout, stderr } = await new Stage(t).script(script, CONTAINER).ended;
    assert.match(stdout.toString(), /^send 0\nx\nconsume 0\n/, stderr);
    assert.match(stdout.toString(), /A broker is running: 1\./);
    assert.doesNotMatch(stdout.toString(), /--clean/);
    assert.equal(code, 0);
  });

  it('may be a consumer', async (t) => {
    const script = `$S broker & (${BROKER}; ${CONSUMER}; $S send x; $S doctor; kill 1) & exec $S consume`;
    const { code, stdout, stderr } = await new Stage(t).script(script, CONTAINER).ended;
    assert.match(stdout.toString(), /^x\n/m, stderr);
    assert.match(stdout.toString(), /1 consumer is registered/);
    assert.doesNotMatch(stdout.toString(), /--clean/);
    assert.equal(code, 0);
  });

  it('may send', async (t) => {
    const script = `$S broker & ${BROKER}; exec $S send x`;
    const { code, stderr } = await new Stage(t).script(script, CONTAINER).ended;
    assert.equal(code, 0, stderr);
  });

  it('ends at the second request, although the kernel spares it', async (t) => {
    const script = `$S broker & ${BROKER}
(${CONSUMER}; $S send x; until [ -e $SIGMQ_DIR/runs ]; do sleep .05; done
kill -TERM 1; until [ ! -s $SIGMQ_DIR/consumers.txt ]; do sleep .05; done; kill -TERM 1) &
exec $S consume -- sh -c 'touch $SIGMQ_DIR/runs; sleep 600'`;
    const { code, stderr } = await new Stage(t).script(script, CONTAINER).ended;
    assert.equal(code, 143, stderr);
  });
});
