// docs/architecture.svg: the rooms, and what they import, as it stands in src/.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arrow, box, GREY, label, picture } from './shapes.mjs';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const IMPORT = /(?:from|import\()\s*'(\.[^']+)'/g;

/** What each room is for; and where it stands in its row. A room that is not here is an error. */
const ROOMS = {
  cli: { says: ['what people type and read;', 'exit codes'], x: 325 },
  client: { says: ['Producer, Consumer,', 'Inspector'], x: 215 },
  broker: { says: ['takes messages,', 'gives them out'], x: 465 },
  link: { says: ['a frame from one', 'process to another'], x: 215 },
  queue: { says: ['where messages', 'wait'], x: 465 },
  registry: { says: ['who takes part,', 'what /proc says'], x: 110 },
  signals: { says: ['the addon', '(native/)'], x: 320 },
  options: { says: ['what values', 'may be'], x: 530 },
  codec: { says: ['bits, frames;', 'imports nothing'], x: 320 },
};
const HALF = 95;
const HEIGHT = 76;
const ROW = 120;
const TOP = 14;

/** @returns for each room the others that it imports from */
function imports() {
  const rooms = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(
    rooms.map(({ name }) => {
      const files = readdirSync(join(SRC, name), { recursive: true, encoding: 'utf8' });
      const targets = files
        .filter((file) => file.endsWith('.ts'))
        .flatMap((file) => roomsOf(join(SRC, name, file)));
      return [name, new Set(targets.filter((target) => target !== name))];
    }),
  );
}

/** The rooms from which a file imports; files directly in src/ belong to none. */
function roomsOf(file) {
  const found = [...readFileSync(file, 'utf8').matchAll(IMPORT)];
  return found
    .map(([, path]) => relative(SRC, join(dirname(file), path)).split(sep))
    .filter((parts) => parts.length > 1)
    .map(([room]) => room);
}

/** Without those that follow from the others: who may import from `link` reaches `codec` through it. */
function reduced(all) {
  const reaches = (from, to) => [...all.get(from)].some((next) => next === to || reaches(next, to));
  return new Map(
    [...all].map(([room, targets]) => {
      const needed = [...targets].filter(
        (target) => ![...targets].some((other) => other !== target && reaches(other, target)),
      );
      return [room, needed];
    }),
  );
}

export function architecture() {
  const arrows = reduced(imports());
  const row = (room) => 1 + Math.max(-1, ...above(room).map(row));
  const above = (room) => [...arrows].filter(([, to]) => to.includes(room)).map(([from]) => from);
  const top = (room) => TOP + row(room) * ROW;
  const place = (room) => {
    if (!ROOMS[room]) throw new Error(`scripts/pictures/architecture.mjs does not know ${room}`);
    return ROOMS[room];
  };
  const rooms = [...arrows.keys()].map((room) => {
    const { x, says } = place(room);
    const y = top(room);
    const lines = says.map((text, n) => label(x, y + 42 + n * 18, text, { colour: GREY }));
    const name = label(x, y + 22, room, { isBold: true });
    return box(x - HALF, y, 2 * HALF, HEIGHT, []) + name + lines.join('');
  });
  const lines = [...arrows].flatMap(([from, targets]) =>
    targets.map((to) => {
      const down = place(to).x - place(from).x;
      // Apart from each other where several leave or arrive.
      const start = place(from).x + Math.sign(down) * Math.min(60, Math.abs(down) / 3);
      const end = place(to).x - Math.sign(down) * Math.min(60, Math.abs(down) / 3);
      return arrow(`M${start} ${top(from) + HEIGHT}L${end} ${top(to) - 2}`);
    }),
  );
  const height = TOP + (1 + Math.max(...[...arrows.keys()].map(row))) * ROW - (ROW - HEIGHT) + TOP;
  const title = 'The rooms of src/, and the direction of their imports';
  return picture(640, height, title, [...lines, ...rooms]);
}
