// docs/life.svg: the states of a message, and what leads from one to another (docs/protocol.md, section 7).
import { arrow, box, GREY, label, picture } from './shapes.mjs';

const WIDTH = 110;
const HEIGHT = 50;

/** A state, by its middle. */
function state(x, y, name, fill) {
  return box(x - WIDTH / 2, y - HEIGHT / 2, WIDTH, HEIGHT, [name], { fill });
}

function why(x, y, ...lines) {
  return lines.map((text, n) => label(x, y + n * 16, text, { colour: GREY })).join('');
}

export function life() {
  return picture(760, 380, 'The life of a message: ready, delayed, reserved, dead, gone', [
    state(230, 70, 'ready', '#e3f2e6'),
    state(500, 70, 'reserved', '#fdf0d9'),
    state(700, 70, 'gone', 'white'),
    state(230, 220, 'delayed', '#e3eef8'),
    state(500, 220, 'dead', '#fbe3e3'),
    // A producer's.
    arrow('M20 70H173'),
    why(92, 62, 'sent'),
    arrow('M70 70V220H173'),
    why(118, 212, 'with --delay'),
    // Out, and back.
    arrow('M285 60H443'),
    why(364, 52, 'to a consumer'),
    arrow('M445 82H287'),
    why(364, 100, 'it ended, or gave', 'it back at once'),
    arrow('M555 70H643'),
    why(598, 62, 'done'),
    // Failures.
    arrow('M462 95L285 205'),
    why(302, 140, 'failed,', 'or not now'),
    arrow('M220 195V97'),
    why(188, 150, 'time is', 'over'),
    arrow('M500 95V193'),
    why(566, 140, 'rejected, or no', 'attempts left'),
    // The dead.
    arrow('M470 245V300H30V85H173'),
    why(250, 292, 'kicked back'),
    arrow('M555 220H700V97'),
    why(640, 212, 'removed'),
    why(
      380,
      332,
      'A message whose --ttl is over before anybody takes it is gone; with --dead-expired, dead.',
      'With --dead-to, one that would be dead is ready in another queue instead.',
      'What is ready or delayed can be removed as well.',
    ),
  ]);
}
