import { basename } from 'node:path';
import { Exit } from '../errors.ts';
import { guarded } from '../guarded.ts';
import { useColours } from './colours.ts';
import { cliErrors } from './errors.ts';
import { print } from './output.ts';
import { report } from './report.ts';
import { scopeErrors } from './scope/errors.ts';
import { Follower } from './scope/follower.ts';
import { assertOther } from './scope/other-file.ts';
import { OutputFile } from './scope/output-file.ts';
import { ScopeView } from './scope/scope-view.ts';
import { svgOf } from './scope/svg.ts';
import type { VcdReader } from './scope/vcd-reader.ts';
import { wholeText } from './scope/wave.ts';
import { hasScreen, Screen } from './screen/screen.ts';
import { oneLine } from './visible.ts';

/** How often a recording is looked at that may grow; ms. */
const LOOK_MS = 100;
/** Where there is no terminal. */
const USUAL_COLUMNS = 80;

export interface ScopeFlags {
  readonly svg?: string;
  readonly scale?: number;
  readonly force?: boolean;
  readonly color?: boolean;
}

/** `sigmq scope`. @returns the exit code */
export async function scope(path: string, flags: ScopeFlags): Promise<number> {
  useColours(flags);
  const follower = new Follower(path);
  try {
    if (flags.svg === undefined && flags.scale === undefined && hasScreen()) {
      return await follow(follower, path);
    }
    const recording = whole(follower, path);
    if (flags.svg !== undefined) {
      assertOther(flags.svg, path);
      writePicture(flags.svg, recording, flags.force ?? false);
    } else {
      const { columns = USUAL_COLUMNS } = process.stdout;
      print(`${wholeText(recording, columns, flags.scale).join('\n')}\n`);
    }
    return Exit.Ok;
  } catch (error) {
    return report(error);
  } finally {
    follower.close();
  }
}

/** @throws SigmqError cannot-read, not-a-recording */
function whole(follower: Follower, path: string): VcdReader {
  follower.read();
  const { recording } = follower;
  if (!recording) throw cliErrors.cannotRead(path, new Error('there is no such file'));
  if (!recording.isDefined || recording.pulses.length === 0)
    throw scopeErrors.notARecording(path, 'it contains no signals');
  return recording;
}

function writePicture(path: string, recording: VcdReader, replaces: boolean): void {
  const file = new OutputFile(path, replaces);
  try {
    file.write(svgOf(recording));
    file.close();
  } catch (error) {
    file.discard();
    throw error;
  }
}

/** Until q, or an end from outside. @throws SigmqError not-a-recording */
async function follow(follower: Follower, path: string): Promise<number> {
  follower.read();
  const view = new ScopeView();
  view.show(follower.recording);
  const name = oneLine(basename(path));
  let quit = () => {};
  const screen = await Screen.open({
    draw: (size) => view.draw(size, name),
    onKey: (key) => (key === 'q' ? quit() : view.onKey(key)),
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      quit = resolve;
      const look = () => {
        if (!follower.read()) return;
        view.show(follower.recording);
        screen.refresh();
      };
      timer = setInterval(guarded(look, reject), LOOK_MS);
    });
    return Exit.Ok;
  } finally {
    clearInterval(timer);
    screen.close();
  }
}
