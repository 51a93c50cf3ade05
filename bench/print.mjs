// Figures as text for a terminal.
import { digits } from './summary.mjs';

const WIDTH = 68;
const COLUMN = 26;

const heading = ({ cpus, cpu, node, busy }) =>
  `${cpus} × ${cpu}, Node ${node}${busy ? ', every CPU busy' : ''}`;

export function printFigures(labels, { machine, runs, figures, ratios }) {
  const row = (label, { median, min, max }, digits) =>
    console.log(
      `${label.padEnd(WIDTH)}${[median, min, max].map((value) => value.toFixed(digits).padStart(10)).join('')}`,
    );
  console.log(heading(machine));
  console.log(`${''.padEnd(WIDTH)}    median       min       max   (${runs} runs)`);
  for (const [name, label] of Object.entries(labels)) {
    if (figures[name]) row(label, figures[name], 1);
  }
  for (const [label, figure] of Object.entries(ratios)) row(label, figure, 2);
}

export function printPeers({ machine, runs, versions, tables }) {
  console.log(heading(machine));
  console.log(`${versions.join(', ')}; median (min to max) of ${runs} runs`);
  for (const { title, names, rows } of tables) {
    console.log(`\n${title.padEnd(WIDTH)}${names.map((name) => name.padStart(COLUMN)).join('')}`);
    for (const { label, figures } of rows) {
      const cells = names.map((name) => {
        const { median, min, max } = figures[name];
        return `${digits(median)} (${digits(min)} to ${digits(max)})`.padStart(COLUMN);
      });
      console.log(`${label.padEnd(WIDTH)}${cells.join('')}`);
    }
  }
}
