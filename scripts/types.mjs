// Bundles the declarations that tsc has written into one file, so that the package ships no type of an internal.
import { fileURLToPath } from 'node:url';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

const declarations = fileURLToPath(new URL('../dist/src/index.d.ts', import.meta.url));
const bundle = await rollup({ input: declarations, external: /^node:/, plugins: [dts()] });
await bundle.write({ file: fileURLToPath(new URL('../dist/index.d.ts', import.meta.url)) });
