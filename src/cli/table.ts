import chalk from 'chalk';
import { visible } from './visible.ts';

/** Rows as text in columns; numbers are right-aligned. The first row is the title. */
export function table(cells: readonly (readonly (string | number)[])[]): string {
  const rows = cells.map((row) =>
    row.map((cell) => (typeof cell === 'string' ? visible(cell) : cell)),
  );
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  const isNumber = (rows[0] ?? []).map((_, column) =>
    rows.slice(1).every((row) => typeof row[column] === 'number'),
  );
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          isNumber[at] && rows.length > 1
            ? String(cell).padStart(widths[at] ?? 0)
            : String(cell).padEnd(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** The first line in bold, on a terminal. */
export function titled(text: string): string {
  const end = text.indexOf('\n');
  return process.stdout.isTTY ? chalk.bold(text.slice(0, end)) + text.slice(end) : text;
}
