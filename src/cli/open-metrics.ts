import type { HistogramCounts } from '../histogram.ts';
import { visible } from './visible.ts';

export type Labels = Readonly<Record<string, string>>;

/** One number of a family. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number | HistogramCounts;
}

/** What is measured, and each of its numbers. */
export interface Family {
  /** Without what a counter's samples add to it. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/**
 * `openmetrics` is OpenMetrics 1.0. `prometheus` is what the textfile collector of node_exporter parses: it takes the
 * other for the same numbers, but knows the type and the help of a counter only by the name of its samples.
 * @see https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export type Dialect = 'openmetrics' | 'prometheus';

/** @param common labels of all samples */
export function openMetrics(
  families: readonly Family[],
  common: Labels,
  dialect: Dialect = 'openmetrics',
): string {
  const lines = families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => {
      const sampleName = type === 'counter' ? `${name}_total` : name;
      const named = dialect === 'openmetrics' ? name : sampleName;
      return [
        `# TYPE ${named} ${type}`,
        ...(named.endsWith('_seconds') ? [`# UNIT ${named} seconds`] : []),
        `# HELP ${named} ${escaped(help)}`,
        ...samples.flatMap(({ labels, value }) => {
          const all = { ...common, ...labels };
          return typeof value === 'number'
            ? line(sampleName, all, value)
            : histogramLines(name, all, value);
        }),
      ];
    });
  return `${[...lines, '# EOF'].join('\n')}\n`;
}

/** Each bucket counts those before it, too. */
function histogramLines(name: string, labels: Labels, histogram: HistogramCounts): string[] {
  const { bounds, counts, sum } = histogram;
  let count = 0;
  const buckets = counts.map((more, n) => {
    count += more;
    return line(`${name}_bucket`, { ...labels, le: boundText(bounds[n]) }, count);
  });
  return [...buckets, line(`${name}_count`, labels, count), line(`${name}_sum`, labels, sum)];
}

/** The canonical form, because it is part of a name. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return '+Inf';
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}{${pairs.join(',')}} ${value}`;
}

/** People read it on terminals, too. */
function escaped(text: string): string {
  return visible(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
