// Writes docs/benchmarks.json, the chart, and the figures of docs/benchmarks.md (between its two marks).
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { charts } from './chart.mjs';
import { jsonOf, ROOT } from './stage.mjs';
import { digits } from './summary.mjs';

const PAGE = join(ROOT, 'docs/benchmarks.md');
const FIRST = '<!-- figures: written by `npm run bench -- --report` -->';
const LAST = '<!-- end of figures -->';

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

function peersTables({ runs, messages, versions, missing, tables }) {
  const count = messages.toLocaleString('en');
  const left = missing.length > 0 ? ` Not installed, and left out: ${missing.join(', ')}.` : '';
  const cell = ({ median, min, max }) => `${digits(median)} (${digits(min)} to ${digits(max)})`;
  return [
    `Beside ${versions.join(', ')}: median (min to max) of ${runs} runs; \`--messages ${count.replaceAll(',', '')}\`.${left}`,
    '',
    ...tables.flatMap(({ title, names, rows }) => [
      `| ${[title, ...names].join(' | ')} |`,
      `|---|${names.map(() => '---:|').join('')}`,
      ...rows.map(
        ({ label, figures }) =>
          `| ${[label, ...names.map((name) => cell(figures[name]))].join(' | ')} |`,
      ),
      '',
    ]),
  ];
}

/** The first kind of message only: the table has all. */
const CHARTED = /^JSON jobs/;

const peersChart = ({ tables: [{ names, rows }] }) => ({
  title: 'JSON jobs per second',
  bars: rows
    .filter(({ label }) => CHARTED.test(label))
    .flatMap(({ label, figures }) =>
      names.map((name, n) => {
        const { median } = figures[name];
        const text = Math.round(median).toLocaleString('en');
        const what = n === 0 ? label.replace(/^.*?: /, '') : undefined;
        return { label: name, value: median, text: `${text}/s`, heading: what };
      }),
    ),
});

/** What the scratch folder is on: nothing is durable on tmpfs. */
function fileSystem() {
  const { stdout } = spawnSync('stat', ['-f', '-c', '%T', tmpdir()], { encoding: 'utf8' });
  return String(stdout ?? '').trim() || 'unknown';
}

function revision() {
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT });
  return String(stdout ?? '').trim() || 'unknown';
}

/** @param measured by bench.mjs, `peers` only when asked for; what else belongs to the report is measured here */
export function report({ labels, quiet, peers }) {
  const script = (name) => join(ROOT, 'bench', name);
  const busy = jsonOf(process.execPath, [script('bench.mjs'), '--busy', '--json', '--runs', '3']);
  const backlog = jsonOf(process.execPath, [script('backlog.mjs'), '--json']);
  const { machine } = quiet;
  const date = new Date().toISOString().slice(0, 10);
  const facts = `${machine.cpus} CPUs (${machine.cpu}), Linux ${release()}, Node ${machine.node}, messages on ${fileSystem()}; ${date}, revision ${revision()}.`;
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
    ...(peers ? peersTables(peers) : []),
    LAST,
  ].join('\n');
  const page = readFileSync(PAGE, 'utf8');
  const [before] = page.split(FIRST);
  const [, after = ''] = page.split(LAST);
  writeFileSync(PAGE, `${before}${text}${after}`);
  const panels = [{ title: 'Message bits per second', bars }];
  if (peers) panels.push(peersChart(peers));
  writeFileSync(join(ROOT, 'docs/benchmarks.svg'), charts(panels));
  writeFileSync(
    join(ROOT, 'docs/benchmarks.json'),
    `${JSON.stringify({ date, revision: revision(), quiet, busy, backlog, peers }, null, 1)}\n`,
  );
  console.log(text);
}
