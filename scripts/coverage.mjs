// Coverage of src and bin over every process of the tests:
//   node scripts/coverage.mjs FOLDER     FOLDER: what $NODE_V8_COVERAGE said
// Fails below the thresholds. The executables are bundled and minified; this reader follows their source
// maps down to single expressions.
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
await report.addFromDir(process.argv[2]);
const { summary } = await report.generate();
for (const [kind, least] of Object.entries(THRESHOLDS)) {
  const { pct, covered, total } = summary[kind];
  const short = !(pct >= least);
  console.log(
    `${kind}: ${pct} % (${covered} of ${total}), at least ${least} %${short ? ': TOO FEW' : ''}`,
  );
  if (short) process.exitCode = 1;
}
