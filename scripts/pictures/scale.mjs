// docs/scale.svg
import { box, label, line, picture, ONE as SIGNAL } from './shapes.mjs';

const ROW = 44;

/** A host: its programs, and the signals between them. */
function host(x, name) {
  const programs = ['sigmq send', 'sigmq consume', 'sigmq consume'];
  const top = 60;
  return [
    box(x, 20, 290, 230, [], { fill: 'white', dashed: true }),
    label(x + 145, 42, name),
    ...programs.flatMap((program, n) => {
      const y = top + n * (ROW + 14);
      return [
        box(x + 14, y, 110, ROW, [program]),
        line(x + 126, y + ROW / 2, x + 188, 143, SIGNAL),
      ];
    }),
    box(x + 190, 118, 86, 50, ['broker']),
  ];
}

export function scale() {
  return picture(640, 400, 'Two hosts, their signals, and the database that they share', [
    ...host(10, 'host A'),
    ...host(340, 'host B'),
    label(320, 270, 'orange: SIGUSR1 and SIGUSR2, which end at the kernel', { colour: SIGNAL }),
    box(220, 320, 200, 60, ['PostgreSQL', 'messages, limits, leases']),
    line(243, 170, 290, 318),
    line(573, 170, 400, 318),
    box(470, 325, 150, 50, ['standby', '(synchronous)'], { dashed: true }),
    line(422, 350, 468, 350),
    label(180, 300, 'SQL, and LISTEN', { anchor: 'end' }),
  ]);
}
