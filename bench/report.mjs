// Writes docs/benchmarks.json, the chart, and the figures of docs/benchmarks.md (between its two marks).
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { barChart } from './chart.mjs';
import { jsonOf, ROOT } from './stage.mjs';

const PAGE = join(ROOT, 'docs/benchmarks.md');
const FIRST = '<!-- figures: written by `npm run bench -- --report` -->';
const LAST = '<!-- end of figures -->';

const digits = (value) => (value >= 1000 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1));
const cells = ({ median, min, max }) => [median, min, max].map(digits).join(' | ');
const speed = (usPerBit) => `${Math.round(1e6 / usPerBit).toLocaleString('en')} bits/s`;

function table(title, rows) {
  return [
    `| ${title} | median | min | max |`,
    '|---|---:|---:|---:|',
    ...rows.map(([label, figure]) => `| ${label} | ${cells(figure)} |`),
    '',
  ];
}

function tablesOf(labels, { figures, ratios, runs, machine }) {
  const rows = Object.entries(labels).filter(([name]) => figures[name]);
  return [
    ...table(
      `${machine.busy ? 'every CPU busy' : 'otherwise idle'}, ${runs} runs`,
      rows.map(([name, label]) => [label, figures[name]]),
    ),
    ...table('ratio, each of two samples of the same run', Object.entries(ratios)),
  ];
}

function backlogTable({ small, large, runs, rows }) {
  const count = (n) => n.toLocaleString('en');
  return [
    `| messages waiting, medians of ${runs} | ${count(small)} | ${count(large)} | ratio |`,
    '|---|---:|---:|---:|',
    ...rows.map(
      ({ name, unit, small: few, large: many, ratio }) =>
        `| ${name}, ${unit} | ${digits(few)} | ${digits(many)} | ${ratio.toFixed(2)} |`,
    ),
    '',
  ];
}

function revision() {
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT });
  return String(stdout ?? '').trim() || 'unknown';
}

/** @param quiet what bench.mjs measured; what else belongs to the report is measured here */
export function report({ labels, quiet }) {
  const script = (name) => join(ROOT, 'bench', name);
  const busy = jsonOf(process.execPath, [script('bench.mjs'), '--busy', '--json', '--runs', '3']);
  const backlog = jsonOf(process.execPath, [script('backlog.mjs'), '--json']);
  const { machine } = quiet;
  const date = new Date().toISOString().slice(0, 10);
  const facts = `${machine.cpus} CPUs (${machine.cpu}), Linux ${release()}, Node ${machine.node}; ${date}, revision ${revision()}.`;
  const bars = [
    ['limit: C, polling', quiet.figures.limit],
    ['link', quiet.figures.link],
    ['send to consumer, two hops', quiet.figures.endToEnd],
    ['limit, every CPU busy', busy.figures.limit],
    ['send to consumer, every CPU busy', busy.figures.endToEnd],
    ['paced with 1 ms', quiet.figures.paced],
  ].map(([label, { median }]) => ({ label, value: 1e6 / median, text: speed(median) }));
  const text = [
    FIRST,
    '',
    facts,
    '',
    ...tablesOf(labels, quiet),
    ...tablesOf(labels, busy),
    ...backlogTable(backlog),
    LAST,
  ].join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const [before] = page.split(FIRST);
  const [, after = ''] = page.split(LAST);
  writeFileSync(PAGE, `${before}${text}${after}`);
  writeFileSync(join(ROOT, 'docs/benchmarks.svg'), barChart('Message bits per second', bars));
  writeFileSync(
    join(ROOT, 'docs/benchmarks.json'),
    `${JSON.stringify({ date, revision: revision(), quiet, busy, backlog }, null, 1)}\n`,
  );
  console.log(text);
}
