/** A runtime directory without room, on a small disk in a mount namespace of its own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stage } from './harness.ts';

const SMALL_DISK = ['unshare', '-Urm'];
/** A broker on a disk of 64 KB; `fill` and `room` make it full and not. */
const BEGIN = `
mkdir run && mount -t tmpfs -o size=64k,mode=700 none run && export SIGMQ_DIR=$PWD/run || exit 99
fill() { head -c 65536 /dev/zero > run/fill 2>/dev/null; true; }
room() { rm run/fill; }
$S broker 2> log & B=$!; until [ -e run/broker.pid ]; do sleep .05; done`;
const END = '$S stop; wait $B; echo broker $?';

describe('a runtime directory without room', () => {
  it('lets messages pass, because the bus has its room from the start', async (t) => {
    const stage = new Stage(t);
    const script = `${BEGIN}
fill; $S send one; echo send $?
room; $S consume -c1 --quiet
${END}`;
    const { stdout, stderr } = await stage.script(script, SMALL_DISK, { cwd: stage.dir }).ended;
    assert.equal(stdout.toString(), 'send 0\none\nbroker 0\n', stderr);
  });

  it('has sends and requests refused with 75 when the bus has none, and a broker go on when there is some', async (t) => {
    const stage = new Stage(t);
    const script = `${BEGIN}
$S consume -c1 --quiet > got & C=$!
until [ -s run/consumers.txt ]; do sleep .05; done
kill -STOP $C; $S send later; fill; kill -STOP $B; : > run/bus; fill; kill -CONT $B; kill -CONT $C
until grep -q 'bus cannot be written' log; do sleep .05; done
$S send now; echo send $?; $S status; echo status $?; kill -0 $B && echo lives
room; $S send now; echo send $?
wait $C; cat got
$S consume -c1 --quiet
${END}`;
    const { stdout, stderr } = await stage.script(script, SMALL_DISK, { cwd: stage.dir }).ended;
    assert.equal(
      stdout.toString(),
      'send 75\nstatus 75\nlives\nsend 0\nlater\nnow\nbroker 0\n',
      stderr,
    );
    assert.match(
      stderr,
      /run\/bus cannot be written \(ENOSPC\).*\n?Make room|Make room in the runtime/,
    );
    assert.doesNotMatch(stderr, /did not answer|bug|\bat .*:\d+:\d+/);
  });
});
