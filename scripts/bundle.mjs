// Makes what the package ships: dist/cli/sigmq.js, one CommonJS file with all code, of which each part runs when it is
// first needed; dist/bin, which start it; dist/index.js, the library. Without this, Node would open and compile some
// hundred files before `sigmq send` does anything. --readable: not minified, so that coverage can be told by branch.
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const executables = ['sigmq', 'sigmq-broker', 'sigmq-consumer', 'sigmq-producer'];

/** commander wants it for subcommands that are programs of their own; loading it takes time. */
const withoutChildProcess = {
  name: 'without-child-process',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'child_process', namespace: 'stub' } : undefined,
    );
    bundle.onLoad({ filter: /.*/, namespace: 'stub' }, () => ({ contents: 'export {}' }));
  },
};

/** proper-lockfile wants it to remove locks when a signal ends the process: see src/registry/lock-library.ts. */
const withoutSignalExit = {
  name: 'without-signal-exit',
  setup(bundle) {
    bundle.onResolve({ filter: /^signal-exit$/ }, () => ({
      path: 'signal-exit',
      namespace: 'none',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'none' }, () => ({
      contents: 'module.exports = () => () => {}',
    }));
  },
};

/** Each runs when it is called. */
const entry = `
${executables.map((name) => `export const ${name.replace('-', '_')} = () => import('./bin/${name}.ts');`).join('\n')}
export const library = () => require('./src/index.ts');
`;

rmSync(join(root, 'dist/cli'), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  stdin: { contents: entry, resolveDir: root },
  outfile: 'dist/cli/sigmq.js',
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Node reads CommonJS faster than ES modules.
  format: 'cjs',
  supported: { 'dynamic-import': false },
  minify: !process.argv.includes('--readable'),
  sourcemap: true,
  sourcesContent: false,
  external: ['libsql'],
  define: { 'import.meta.url': 'moduleUrl' },
  // A function for scripts/load.cjs to call.
  banner: {
    js: '(function (exports, require, module, __filename) { const moduleUrl = require("node:url").pathToFileURL(__filename).href;',
  },
  footer: { js: '})' },
  logLevel: 'warning',
  plugins: [withoutChildProcess, withoutSignalExit],
});

mkdirSync(join(root, 'dist/bin'), { recursive: true });
copyFileSync(join(root, 'scripts/load.cjs'), join(root, 'dist/cli/load.cjs'));
for (const folder of ['bin', 'cli'])
  writeFileSync(join(root, 'dist', folder, 'package.json'), '{ "type": "commonjs" }\n');
for (const name of executables) {
  const path = join(root, 'dist/bin', `${name}.js`);
  rmSync(path, { force: true });
  copyFileSync(join(root, 'scripts/launcher.cjs'), path);
  chmodSync(path, 0o755);
}

const names = Object.keys(await import('../dist/src/index.js'));
writeFileSync(
  join(root, 'dist/index.js'),
  `import load from './cli/load.cjs';
export const { ${names.join(', ')} } = load().library();
`,
);
