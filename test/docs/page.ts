/** A page of the documentation, for those who do what it shows. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DIST, ROOT, type Stage } from '../e2e/harness.ts';

export interface Block {
  /** What stands behind the fence: `sh`: typed; `text`: what comes of it. */
  readonly kind: string;
  /** `second` stands behind that: it is of a terminal beside the one of the page. */
  readonly isSecond: boolean;
  readonly text: string;
}

/** @param path from the root of the repository */
export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function blocksOf(page: string): Block[] {
  const blocks = page.matchAll(/^```(\w+)( second)?\n(.*?)^```$/gms);
  return Array.from(blocks, ([, kind = '', second, text = '']) => {
    return { kind, isSecond: second !== undefined, text };
  });
}

/** The parts of a page that have a title. */
export function sectionsOf(page: string): { readonly title: string; readonly text: string }[] {
  const [, ...sections] = page.split(/^## /m);
  return sections.map((section) => {
    const end = section.indexOf('\n');
    return { title: section.slice(0, end), text: section.slice(end) };
  });
}

/** A folder for $PATH: in it is `sigmq`, as built, and what else is given, as scripts. */
export function binOf(stage: Stage, scripts: Readonly<Record<string, string>> = {}): string {
  const bin = stage.path('bin');
  mkdirSync(bin);
  const sigmq = `exec "${process.execPath}" "${DIST}/bin/sigmq.js" "$@"`;
  for (const [name, text] of Object.entries({ sigmq, ...scripts })) {
    writeExecutable(join(bin, name), `#!/bin/sh\n${text}\n`);
  }
  return bin;
}

export function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
