/** A recording as a picture for slides and pages: pure, from data to SVG. */
import { byteName, type Pulse, type Recording, timeText, titleOf, usualGap } from './recording.ts';
import { spans } from './spans.ts';
import { type Drawable, drawable } from './wave.ts';

const WIDTH = 1200;
const LEFT = 74;
const RIGHT = 16;
const TOP = 44;
/** Between two bits, usually. */
const BIT_WIDTH = 25;
/** Above a lane, and its pulses. */
const LANE = 24;
const PULSE = 14;
const STRIP = 190;
/** Room for the time at a tick. */
const TICK_WIDTH = 70;
/** A picture that nobody can look at is not made: its rest is left out; strips. */
const MAX_STRIPS = 100;

const INK = '#1f2933';
const GREY = '#9aa5b1';
const COLOURS = { usr1: '#0b7285', usr2: '#b44d12', answer: '#2b8a3e', refusal: '#c92a2a' };

/** @returns an SVG document */
export function svgOf(recording: Recording): string {
  const picture = drawable(recording);
  const pxPerUs = BIT_WIDTH / usualGap(picture.pulses);
  const span = (WIDTH - LEFT - RIGHT) / pxPerUs;
  const parts: string[] = [];
  let top = TOP;
  let shown = 0;
  let last = 0;
  for (const { from, to, begin, end } of spans(picture.pulses, 0, span, 1)) {
    if (parts.length === MAX_STRIPS) break;
    parts.push(
      strip(picture, { from, to, pxPerUs, top, pulses: picture.pulses.slice(begin, end), last }),
    );
    top += STRIP;
    shown = end;
    last = to;
  }
  const left = picture.pulses.length - shown;
  if (left > 0) {
    parts.push(text(LEFT, top, `… and ${left} more signals`, { fill: GREY }));
    top += 30;
  }
  const title = escaped(titleOf(recording));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" font-family="ui-monospace, monospace" font-size="12" role="img" aria-label="${title}">
<title>${title}</title>
<rect width="${WIDTH}" height="${top}" fill="white"/>
<text x="${LEFT}" y="24" fill="${INK}" font-size="14">${title}</text>
${parts.join('\n')}
</svg>
`;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly pxPerUs: number;
  readonly top: number;
  readonly pulses: readonly Pulse[];
  /** Where the strip before has ended; µs. */
  readonly last: number;
}

function strip(picture: Drawable, part: Part): string {
  const { from, to, pxPerUs, top, pulses, last } = part;
  const x = (at: number) => round(LEFT + (at - from) * pxPerUs);
  const edge = WIDTH - RIGHT;
  const [zero, one] = picture.one === 'usr1' ? ['1', '0'] : ['0', '1'];
  const lanes: [label: string, colour: string, has: (pulse: Pulse) => boolean][] = [
    [`USR1  ${zero}`, COLOURS.usr1, ({ kind, signal }) => kind === 'bit' && signal === 0],
    [`USR2  ${one}`, COLOURS.usr2, ({ kind, signal }) => kind === 'bit' && signal === 1],
    ['echo 1', COLOURS.answer, ({ kind, signal }) => kind !== 'bit' && signal === 0],
    ['echo 2', COLOURS.answer, ({ kind, signal }) => kind !== 'bit' && signal === 1],
  ];
  const bits = pulses
    .filter(({ kind, position }) => kind === 'bit' && position !== undefined)
    .map(({ at, signal }) => {
      const value = picture.one === 'usr1' ? 1 - signal : signal;
      return text(x(at), top + 38, String(value), { fill: INK, anchor: 'middle' });
    });
  const bytes = picture.bytes
    .filter((byte) => byte.to >= from && byte.from < to)
    .map((byte) => {
      const begin = Math.max(LEFT, x(byte.from) - 6);
      const end = Math.min(edge, x(byte.to) + 6);
      const name = text((begin + end) / 2, top + 17, byteName(byte.value), { anchor: 'middle' });
      const box = `<rect x="${round(begin)}" y="${top + 3}" width="${round(end - begin)}" height="20" rx="4" fill="#f5f7fa" stroke="${GREY}"/>`;
      return box + (end - begin >= 30 ? name : '');
    });
  const waves = lanes.map(([label, colour, has], n) => {
    const base = top + 40 + LANE * (n + 1);
    const some = pulses.filter(has);
    const rises = (isRefusal: boolean) =>
      some
        .filter((pulse) => picture.refusals.has(pulse) === isRefusal)
        .map((pulse) => `M${x(pulse.at)} ${base}v-${PULSE}h2v${PULSE}`)
        .join('');
    const line = `<path d="M${LEFT} ${base}H${edge}" stroke="${colour}" stroke-opacity=".4"/>`;
    const path = (d: string, fill: string) => (d ? `<path d="${d}" fill="${fill}"/>` : '');
    const name = text(LEFT - 8, base, label, { fill: colour, anchor: 'end' });
    return name + line + path(rises(false), colour) + path(rises(true), COLOURS.refusal);
  });
  const gap =
    from > last
      ? [text(edge, top - 4, `${timeText(from - last)} later`, { fill: GREY, anchor: 'end' })]
      : [];
  return [...gap, ...bytes, ...bits, ...waves, axis(part, x)].join('\n');
}

/** A tick some 100 pixels apart, at round times. */
function axis({ from, to, pxPerUs, top }: Part, x: (at: number) => number): string {
  const step = roundStep(100 / pxPerUs);
  const y = top + 40 + LANE * 4 + 12;
  const ticks: string[] = [];
  for (let at = Math.ceil(from / step) * step; at < to; at += step) {
    ticks.push(`<path d="M${x(at)} ${y}v5" stroke="${GREY}"/>`);
    if (x(at) < WIDTH - TICK_WIDTH)
      ticks.push(text(x(at) + 3, y + 14, timeText(at), { fill: GREY }));
  }
  return `<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" stroke="${GREY}"/>${ticks.join('')}`;
}

/** 1, 2 or 5 times a power of ten, and not less than wanted. */
function roundStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, wanted)));
  return power * ([1, 2, 5].find((digit) => digit * power >= wanted) ?? 10);
}

function text(
  x: number,
  y: number,
  words: string,
  { fill = INK, anchor = 'start' }: { readonly fill?: string; readonly anchor?: string } = {},
): string {
  const where = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${y}"${where} fill="${fill}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
