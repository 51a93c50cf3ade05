// Coverage of src and bin over every process of the tests:
//   node scripts/coverage.mjs FOLDER     FOLDER: what $NODE_V8_COVERAGE said
// Fails below the thresholds. The executables are bundled and minified; this reader follows their source
// maps down to single expressions.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CoverageReport } from 'monocart-coverage-reports';

const THRESHOLDS = { lines: 90, functions: 90, branches: 85 };
const OURS = /^(src|bin)\//;

const report = new CoverageReport({
  name: 'sigmq',
  baseDir: fileURLToPath(new URL('..', import.meta.url)),
  outputDir: 'coverage',
  reports: ['console-details', 'lcovonly'],
  logging: 'error',
  entryFilter: ({ url }) => /\/dist\/(bin|cli|src)\//.test(url),
  sourcePath: (path) => path.replace(/^.*?(?=(src|bin)\/)/, ''),
  sourceFilter: (path) => OURS.test(path),
});
const folder = process.argv[2] ?? '';
for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  if (!isWhole(path)) rmSync(path);
}
await report.addFromDir(folder);
const { summary } = await report.generate();
for (const [kind, least] of Object.entries(THRESHOLDS)) {
  const { pct, covered, total } = summary[kind];
  const short = !(pct >= least);
  console.log(
    `${kind}: ${pct} % (${covered} of ${total}), at least ${least} %${short ? ': TOO FEW' : ''}`,
  );
  if (short) process.exitCode = 1;
}

/** Whether its process was not killed while it wrote it. */
function isWhole(path) {
  try {
    JSON.parse(readFileSync(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}
