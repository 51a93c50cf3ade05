/** What OpenMetrics 1.0 asks of a text, as far as sigmq writes such. Throws at whatever is not as it should be. */
import assert from 'node:assert/strict';

export interface Parsed {
  readonly type: string;
  readonly help: string;
  /** Values by name and labels; each once. */
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const VALUE = /^(\d+(\.\d+)?([eE][+-]?\d+)?)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum'],
};

export function parseMetrics(text: string): Map<string, Parsed> {
  assert.ok(text.endsWith('\n# EOF\n'), 'ends with # EOF');
  const families = new Map<string, Parsed>();
  let name = '';
  let hasHelp = false;
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, keyword, named = '', rest = ''] = /^# (\w+) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'TYPE') {
      assert.match(named, new RegExp(`^${NAME}$`));
      assert.ok(!families.has(named), `${named} comes once`);
      assert.ok(SUFFIXES[rest], line);
      if (rest === 'counter') assert.doesNotMatch(named, /_total$/);
      families.set(named, { type: rest, help: '', samples: new Map() });
      [name, hasHelp] = [named, false];
    } else if (keyword === 'UNIT') {
      assert.equal(named, name);
      assert.ok(name.endsWith(`_${rest}`), line);
    } else if (keyword === 'HELP') {
      assert.deepEqual([named, hasHelp], [name, false]);
      assert.ok(rest.length > 0);
      hasHelp = true;
    } else {
      assert.ok(hasHelp, `${line} after its help`);
      takeSample(line, name, families.get(name) as Parsed);
    }
  }
  for (const [name, { type, samples }] of families) {
    assert.ok(samples.size > 0, `${name} has samples`);
    if (type === 'histogram') assertCumulative(samples);
  }
  return families;
}

function takeSample(line: string, family: string, { type, samples }: Parsed): void {
  const [, sample = '', labels = '', value = ''] =
    new RegExp(`^(${NAME})\\{(.*)\\} (\\S+)$`).exec(line) ?? assert.fail(line);
  assert.ok(SUFFIXES[type]?.includes(sample.slice(family.length)), `${sample} of ${family}`);
  assert.match(value, VALUE);
  const pairs = labelsOf(labels);
  assert.equal(new Set(pairs.map(([label]) => label)).size, pairs.length, line);
  const key = `${sample} ${JSON.stringify(Object.fromEntries(pairs))}`;
  assert.ok(!samples.has(key), `${key} comes once`);
  samples.set(key, Number(value));
}

/** Their values as they were before they were escaped. */
export function labelsOf(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at++) {
    LABEL.lastIndex = at;
    const [all, label = '', value = ''] = LABEL.exec(text) ?? assert.fail(text.slice(at));
    pairs.push([
      label,
      value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped)),
    ]);
    at += all.length;
    if (at < text.length) assert.equal(text[at], ',');
  }
  return pairs;
}

function assertCumulative(samples: ReadonlyMap<string, number>): void {
  const series = new Map<string, { les: number[]; counts: number[]; count?: number }>();
  for (const [key, value] of samples) {
    const [, name = '', json = ''] = /^(\S+) (.*)$/.exec(key) ?? [];
    const { le, ...labels } = JSON.parse(json);
    const of = JSON.stringify(labels);
    const one = series.get(of) ?? { les: [], counts: [] };
    series.set(of, one);
    if (name.endsWith('_count')) one.count = value;
    if (!name.endsWith('_bucket')) continue;
    assert.match(le, /^(\d+\.\d+|\+Inf)$/);
    one.les.push(le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le));
    one.counts.push(value);
  }
  for (const { les, counts, count } of series.values()) {
    const ascending = (all: readonly number[]) => [...all].sort((a, b) => a - b);
    assert.deepEqual([les, counts], [ascending(les), ascending(counts)]);
    assert.deepEqual([les.at(-1), counts.at(-1)], [Number.POSITIVE_INFINITY, count]);
  }
}
