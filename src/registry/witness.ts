import { isMarked, type Mark, registeredBy, withMark } from './claim.ts';
import { type ConsumerLine, parseLine } from './consumers-file.ts';
import { isDead, type ProcessTable } from './process-info.ts';
import { startedAfter, ticksNow } from './start-time.ts';
import { isPid, type Vetted, vetTarget } from './vet.ts';

/** What lines stood for when they were seen, by PID. */
export type SeenMarks = ReadonlyMap<number, Mark>;

const NOTHING: SeenMarks = new Map();

/**
 * The lines as they should be written: if a line does not say which process it stands for, what this check shows is
 * added after its PID. A later edit by a program that knows nothing of this makes the file young again; without the
 * marks, every process that has got one of the PIDs since would be older than its line.
 * @param seen what lines without a mark stood for earlier, in case somebody has removed the mark
 */
export function witnessed(
  lines: readonly ConsumerLine[],
  table: ProcessTable,
  seen: SeenMarks = NOTHING,
): ConsumerLine[] {
  // A second line for a PID whose first line has a mark is a new line of another process.
  const marked = new Set(lines.filter(isMarked).map(({ pid }) => pid));
  return lines.map((line) => {
    if (line.pid === undefined || isMarked(line)) return line;
    const mark = (marked.has(line.pid) ? undefined : seen.get(line.pid)) ?? lookAt(line, table);
    return mark ? parseLine(withMark(line.raw, mark), line.writtenMs) : line;
  });
}

/** What the lines stand for, to be passed to `witnessed` next time. */
export function seenIn(lines: readonly ConsumerLine[]): Map<number, Mark> {
  const seen = new Map<number, Mark>();
  for (const line of lines) {
    const { start, before } = registeredBy(line);
    if (line.pid === undefined) continue;
    if (start !== undefined) seen.set(line.pid, { key: 'start', ticks: start });
    else if (before !== undefined) seen.set(line.pid, { key: 'before', ticks: before });
  }
  return seen;
}

/** Whether the process of a line may be signalled. */
export function vetLine(line: ConsumerLine, table: ProcessTable): Vetted {
  return vetTarget(line.pid ?? 0, registeredBy(line), table);
}

function lookAt({ pid = 0, writtenMs }: ConsumerLine, table: ProcessTable): Mark | undefined {
  // PID 1 was there before all files: checking shows nothing.
  if (!table.knowsSignals || !isPid(pid) || pid === 1) return undefined;
  const info = table.read(pid);
  if (!info || isDead(info)) return { key: 'before', ticks: ticksNow() };
  const key = startedAfter(info.start, writtenMs) ? 'before' : 'start';
  return { key, ticks: info.start };
}
