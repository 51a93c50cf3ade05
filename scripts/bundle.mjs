// Makes the executables, and what they load: a bundle with all commands, which loads another one for the code of the
// command that runs, and one for each of those that start most often. Without this, Node would open and compile some
// hundred files before `sigmq send` does anything; one file for all would cost it 5 ms more. Makes the library,
// dist/lib, of one file too, not minified: its users read its stack traces. --readable: nothing is minified, so that
// coverage can be told by branch.
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const executables = ['sigmq', 'sigmq-broker', 'sigmq-consumer', 'sigmq-producer'];
/** What bin/launcher.cjs loads alone, and `send-command`, for a `send` with options. */
const starts = ['ask', 'broker', 'consume', 'send-command', 'sigmq', 'version'];
/** Code of a command that its `*-command.ts` loads when it runs, or a start that another one leads to. */
const COMMAND = /^\.\/([\w-]+)\.ts$/;

/** A package that is needed now and then, loaded when it is. */
const RARE = /^(cli-progress|proper-lockfile)$/;

const commands = new Set();
const apart = {
  name: 'apart',
  setup(bundle) {
    bundle.onResolve({ filter: RARE }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: `../cli/${path}.js`, external: true } : undefined,
    );
    bundle.onResolve({ filter: COMMAND }, ({ path, kind, importer }) => {
      if (kind !== 'dynamic-import' || !/\/(main|\w+-command|starts\/[\w-]+)\.ts$/.test(importer))
        return undefined;
      const name = COMMAND.exec(path)?.[1];
      commands.add(name);
      return { path: `../cli/${name}.js`, external: true };
    });
  },
};

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

/** The launcher gives the bundles its own `require`: loading node:module would take 0.5 ms. */
const withoutModule = {
  name: 'without-module',
  setup(bundle) {
    bundle.onResolve({ filter: /^node:module$/ }, () => ({
      path: 'module',
      namespace: 'launcher',
    }));
    bundle.onLoad({ filter: /.*/, namespace: 'launcher' }, () => ({
      contents: 'const given = require; export const createRequire = () => given;',
    }));
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

/** Of what fails, `short-send` needs to know no more than that: `send` says what it was. */
const withoutErrorTexts = {
  name: 'without-error-texts',
  setup(bundle) {
    bundle.onLoad({ filter: /\/src\/\w+\/(codec-error|errors)\.ts$/ }, ({ path }) => {
      const exported = readFileSync(path, 'utf8').matchAll(/^export (const|class) (\w+)/gm);
      const stubs = [...exported].map(([, kind, name]) =>
        kind === 'class'
          ? `export class ${name} extends Error {}`
          : `export const ${name} = new Proxy({}, { get: () => () => new Error() });`,
      );
      return { contents: stubs.join('\n') };
    });
  },
};

/** @type {import('esbuild').BuildOptions} */
const options = {
  absWorkingDir: root,
  outdir: 'dist/cli',
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Node reads CommonJS faster than ES modules.
  format: 'cjs',
  // The launcher takes each byte for a character.
  charset: 'ascii',
  supported: { 'dynamic-import': false },
  minify: !process.argv.includes('--readable'),
  keepNames: false,
  sourcemap: true,
  sourcesContent: false,
  external: ['libsql', 'pg'],
  // Making a URL takes 0.3 ms; what needs a place takes a path as well.
  define: { 'import.meta.url': '__filename' },
  // A function for bin/launcher.cjs to call.
  banner: {
    js: '(function (module, require, __filename) { const exports = module.exports;',
  },
  footer: { js: '})' },
  logLevel: 'warning',
};

rmSync(join(root, 'dist/cli'), { recursive: true, force: true });
await build({
  ...options,
  entryPoints: starts.map((name) => `src/cli/starts/${name}.ts`),
  plugins: [apart, withoutModule, withoutChildProcess, withoutSignalExit],
});
await build({
  ...options,
  entryPoints: ['src/cli/starts/short-send.ts'],
  plugins: [apart, withoutModule, withoutErrorTexts],
});
const others = [...commands].filter((name) => !starts.includes(name));
await build({
  ...options,
  entryPoints: [
    ...others.map((name) => ({ in: `src/cli/${name}.ts`, out: name })),
    { in: 'cli-progress', out: 'cli-progress' },
    { in: 'proper-lockfile', out: 'proper-lockfile' },
  ],
  plugins: [apart, withoutModule, withoutSignalExit],
});
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/lib/index.js',
  // The names of classes are seen in errors.
  keepNames: true,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
mkdirSync(join(root, 'dist/bin'), { recursive: true });
writeFileSync(join(root, 'dist/bin/package.json'), '{ "type": "commonjs" }\n');
for (const name of executables) {
  const path = join(root, 'dist/bin', `${name}.js`);
  rmSync(path, { force: true });
  copyFileSync(join(root, 'bin/launcher.cjs'), path);
  chmodSync(path, 0o755);
}
