// docs/bus.svg: who holds the bus while a message goes from a producer to a consumer (docs/protocol.md, sections 4, 5).
import { ECHO, GREY, INK, label, ONE, picture, ZERO } from './shapes.mjs';

const LEFT = 110;
const RIGHT = 880;
const LANE = 66;
const TOP = 70;
/** Between a bit and the next; and how much later its echo is. */
const BIT = 17;
const LAG = 7;
const PULSE = 20;
const LANES = ['producer', 'broker', 'consumer', 'producer 2'];
/** The bits of an `h`, and of the zero byte that ends the message. */
const BITS = [...[0, 0, 0, 1, 0, 1, 1, 0], ...Array(8).fill(0)];

const base = (name) => TOP + LANE * LANES.indexOf(name) + 40;

function pulse(x, name, colour) {
  return `<rect x="${x}" y="${base(name) - PULSE}" width="4" height="${PULSE}" fill="${colour}"/>`;
}

/** The time in which a process has the bus. */
function hold(from, to, name) {
  const y = base(name) - 32;
  return `<rect x="${from}" y="${y}" width="${to - from}" height="38" rx="5" fill="#fff3bf" stroke="#e0b000"/>`;
}

/** A frame: bits in the one lane, their echoes in the other; the last one comes when the frame has been judged. */
function frame(x, from, to, pause, count = BITS.length) {
  return BITS.slice(0, count).flatMap((bit, n) => {
    const at = x + n * BIT;
    const isLast = n === BITS.length - 1;
    return [pulse(at, from, bit === 0 ? ZERO : ONE), pulse(at + (isLast ? pause : LAG), to, ECHO)];
  });
}

function note(x, y, text, colour = GREY) {
  return label(x, y, text, { colour });
}

export function bus() {
  const span = BITS.length * BIT;
  const first = LEFT + 14;
  const stored = first + span + 38;
  const second = stored + 40;
  const settled = second + span + 22;
  const lanes = LANES.map(
    (name) =>
      label(LEFT - 12, base(name) - 6, name, { anchor: 'end' }) +
      `<path d="M${LEFT} ${base(name)}H${RIGHT}" stroke="${INK}" stroke-opacity=".3"/>`,
  );
  const legend = [
    [ZERO, 'SIGUSR1: 0'],
    [ONE, 'SIGUSR2: 1'],
    [ECHO, 'echo: the same signal, back'],
  ].map(
    ([colour, text], n) =>
      `<rect x="${LEFT + n * 120}" y="16" width="4" height="16" fill="${colour}"/>` +
      label(LEFT + n * 120 + 12, 29, text, { anchor: 'start' }),
  );
  return picture(900, 352, 'The bus: who transmits, who echoes, who waits', [
    ...legend,
    `<rect x="560" y="14" width="26" height="20" rx="5" fill="#fff3bf" stroke="#e0b000"/>`,
    label(596, 29, 'has the bus', { anchor: 'start' }),
    hold(LEFT + 4, stored + 8, 'producer'),
    hold(second - 10, settled + 8, 'broker'),
    hold(settled + 14, RIGHT - 8, 'producer 2'),
    ...lanes,
    ...frame(first, 'producer', 'broker', 45),
    ...frame(second, 'broker', 'consumer', 30),
    ...frame(settled + 26, 'producer 2', 'broker', 0, 5),
    note(first + span / 2, base('producer') - 38, 'a message'),
    note(stored - 4, base('broker') + 20, 'answer: it is stored'),
    note(settled - 24, base('consumer') + 20, 'answer: it is done'),
    `<path d="M${LEFT + 60} ${base('producer 2') - 13}H${settled + 10}" stroke="${GREY}" stroke-dasharray="4 4"/>`,
    note(first + 190, base('producer 2') - 20, 'wants to send, and waits for its turn'),
  ]);
}
