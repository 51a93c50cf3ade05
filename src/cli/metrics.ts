import { Inspector } from '../client/inspector.ts';
import { Exit } from '../errors.ts';
import { metricsText } from './metrics-text.ts';
import { print } from './output.ts';
import { report } from './report.ts';

/** `sigmq metrics`. @returns the exit code */
export async function metrics({ dir }: { readonly dir?: string }): Promise<number> {
  let inspector: Inspector | undefined;
  try {
    inspector = await Inspector.open({ dir });
    print(metricsText(await inspector.metrics()));
    return Exit.Ok;
  } catch (error) {
    return report(error);
  } finally {
    await inspector?.close();
  }
}
