import { setTimeout as sleep } from 'node:timers/promises';
import { Inspector } from '../client/inspector.ts';
import { Exit, SigmqError } from '../errors.ts';
import { processTable } from '../registry/process-table.ts';
import { openRuntimeDir } from '../registry/runtime-dir.ts';
import { useColours } from './colours.ts';
import { print } from './output.ts';
import { watchReader } from './reader-watch.ts';
import { report } from './report.ts';
import { hasScreen, Screen } from './screen/screen.ts';
import { type EndingSignal, endBy, onShutdown } from './shutdown.ts';
import { act } from './top/actions.ts';
import { listsOf } from './top/lists.ts';
import { glyphsOf } from './top/numbers.ts';
import { EVERY_MS } from './top/pace.ts';
import { picture } from './top/picture.ts';
import { plainText } from './top/plain-text.ts';
import { type Action, FIRST, onKey, type State } from './top/state.ts';
import { Watch } from './top/watch.ts';

export interface TopFlags {
  readonly dir?: string;
  readonly plain?: true;
  readonly once?: true;
  readonly interval?: number;
  readonly color?: boolean;
}

/** In sentences; nobody listens faster; ms. */
const PLAIN_EVERY_MS = 10_000;
/** Of a terminal that does not say. */
const COLUMNS = 80;

/** `sigmq top`. @returns the exit code */
export async function top(flags: TopFlags): Promise<number> {
  useColours(flags);
  const end = new AbortController();
  let signalled: EndingSignal | undefined;
  onShutdown((signal) => {
    signalled = signal;
    end.abort();
  });
  let session: Session | undefined;
  let code: number = Exit.Ok;
  try {
    session = await Session.open(flags, end);
    await session.run();
  } catch (error) {
    if (!end.signal.aborted) code = report(error);
  } finally {
    await session?.close();
  }
  return signalled ? endBy(signalled) : code;
}

/** From the first question to the end. */
class Session {
  readonly #flags: TopFlags;
  readonly #inspector: Inspector;
  readonly #watch: Watch;
  readonly #end: AbortController;
  readonly #glyphs = glyphsOf(process.env);
  /** Otherwise it is printed. */
  readonly #isDrawn: boolean;
  #screen: Screen | undefined;
  #state: State = FIRST;
  /** Ends the pause before the next question. */
  #hurry = new AbortController();

  static async open(flags: TopFlags, end: AbortController): Promise<Session> {
    const { signal } = end;
    const inspector = await Inspector.open({ dir: flags.dir, signal });
    return new Session(flags, inspector, end);
  }

  private constructor(flags: TopFlags, inspector: Inspector, end: AbortController) {
    const dir = openRuntimeDir({ dir: flags.dir, env: process.env, create: false });
    this.#flags = flags;
    this.#isDrawn = !flags.plain && !flags.once && hasScreen();
    const { interval = this.#isDrawn ? EVERY_MS : PLAIN_EVERY_MS } = flags;
    this.#inspector = inspector;
    this.#watch = new Watch(inspector, dir, processTable(), interval);
    this.#end = end;
    // What is not answered by now is not waited for.
    end.signal.addEventListener('abort', () => {
      this.#hurry.abort();
      void this.#inspector.close();
    });
  }

  /** Until somebody has seen enough. */
  async run(): Promise<void> {
    await this.#watch.ask();
    if (this.#end.signal.aborted) return;
    if (this.#isDrawn) await this.#draw();
    else await this.#print();
  }

  async close(): Promise<void> {
    this.#screen?.close();
    this.#watch.close();
    await this.#inspector.close();
  }

  async #draw(): Promise<void> {
    const draw = (size: { readonly columns: number; readonly rows: number }) =>
      picture(this.#watch.snapshot(), this.#state, size, this.#glyphs);
    const screen = await Screen.open({ draw, onKey: (key) => this.#onKey(key) });
    this.#screen = screen;
    while (!this.#end.signal.aborted) {
      await this.#pause(this.#watch.restMs);
      if (this.#end.signal.aborted) return;
      await this.#watch.ask();
      if (this.#end.signal.aborted) return;
      screen.refresh();
    }
  }

  /** Rates are known from the second answer on. */
  async #print(): Promise<void> {
    watchReader(() => this.#end.abort());
    const { once, plain, interval = EVERY_MS } = this.#flags;
    await this.#pause(Math.min(interval, this.#watch.restMs));
    while (!this.#end.signal.aborted) {
      await this.#watch.ask();
      if (this.#end.signal.aborted) return;
      if (once && !plain) print(`${this.#wholePicture().join('\n')}\n`);
      else print(plainText(this.#watch.snapshot()));
      if (once) return;
      print('\n');
      await this.#pause(this.#watch.restMs);
    }
  }

  #wholePicture(): string[] {
    const { columns = COLUMNS } = process.stdout;
    const size = { columns, rows: Number.POSITIVE_INFINITY };
    const lines = picture(this.#watch.snapshot(), FIRST, size, this.#glyphs);
    return lines.map((line) => line.trimEnd());
  }

  async #pause(ms: number): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#hurry = new AbortController();
    await sleep(ms, undefined, { signal: this.#hurry.signal }).catch(() => {});
  }

  #onKey(key: string): void {
    const [state, action] = onKey(this.#state, key, listsOf(this.#watch.snapshot(), this.#state));
    this.#state = state;
    if (action?.kind === 'quit') this.#end.abort();
    else if (action) void this.#act(action);
  }

  async #act(action: Exclude<Action, { kind: 'quit' }>): Promise<void> {
    try {
      const result = await act(action, this.#inspector, this.#watch.snapshot().consumers);
      this.#state = { ...this.#state, ...result };
      this.#hurry.abort();
    } catch (error) {
      if (this.#end.signal.aborted) return;
      const notice = error instanceof SigmqError ? error.message : String(error);
      this.#state = { ...this.#state, notice };
    }
    this.#screen?.refresh();
  }
}
