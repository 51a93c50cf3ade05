// What the compiler, and the analyzer of GCC, find in the C code: any warning fails.
import { ARCHITECTURES, compilerFor, knows, look, SOURCES } from './native.mjs';

const WARNINGS = [
  ...['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wsign-conversion', '-Wcast-qual', '-Wvla'],
  ...['-Wstrict-prototypes', '-Wformat=2', '-Wundef', '-Wnull-dereference'],
  // Node-API says which parameters a function has.
  '-Wno-unused-parameter',
  '-Werror',
];

function check(cc, ...flags) {
  for (const source of SOURCES) {
    const { isDone, said } = look(cc, source, ...WARNINGS, ...flags);
    if (isDone) continue;
    console.error(`check-addon: ${cc} ${flags.join(' ')} ${source}:\n${said}`);
    process.exitCode = 1;
  }
}

if (process.platform !== 'linux') console.log('check-addon: SKIPPED: the addon is for Linux');
else {
  for (const arch of ARCHITECTURES) {
    const cc = compilerFor(arch);
    if (!cc) console.log(`check-addon: SKIPPED: no C compiler for ${arch}`);
    else {
      check(cc);
      if (knows(cc, '-fanalyzer')) check(cc, '-fanalyzer');
      else console.log(`check-addon: SKIPPED: the analyzer, which ${cc} has not`);
    }
  }
}
