// Bundles the declarations that tsc has written into one file, and fails when an internal type would be in it.
import { fileURLToPath } from 'node:url';
import {
  ConsoleMessageId,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
} from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const config = ExtractorConfig.prepare({
  configObject: {
    projectFolder: root,
    mainEntryPointFilePath: '<projectFolder>/dist/src/index.d.ts',
    compiler: { tsconfigFilePath: '<projectFolder>/tsconfig.json' },
    apiReport: { enabled: false },
    docModel: { enabled: false },
    tsdocMetadata: { enabled: false },
    dtsRollup: { enabled: true, untrimmedFilePath: '<projectFolder>/dist/lib/index.d.ts' },
    messages: {
      extractorMessageReporting: {
        'ae-forgotten-export': { logLevel: ExtractorLogLevel.Error },
        'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
      },
      tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
    },
  },
  configObjectFullPath: undefined,
  packageJsonFullPath: `${root}package.json`,
});
const { succeeded } = Extractor.invoke(config, {
  localBuild: true,
  messageCallback: (message) => {
    // Which TypeScript it has, at each build.
    if (message.messageId === ConsoleMessageId.Preamble) message.handled = true;
  },
});
if (!succeeded) process.exitCode = 1;
