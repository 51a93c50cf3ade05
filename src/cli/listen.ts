import { clockMs } from '../clock.ts';
import { maxFrameBytes } from '../codec/limits.ts';
import { codingOf, type PlainCoding } from '../codec/plain-coding.ts';
import { Exit } from '../errors.ts';
import type { Acks } from '../link/acknowledger.ts';
import type { Heard, HeardMessage } from '../link/hearing.ts';
import { Listener } from '../link/listener.ts';
import { processTable } from '../registry/process-table.ts';
import { loadAddon } from '../signals/addon.ts';
import { useColours } from './colours.ts';
import { isStdoutClosed } from './descriptors.ts';
import { cliErrors } from './errors.ts';
import { HeardLog, pulseOf } from './listen/heard-log.ts';
import { jsonOf, messageJson } from './listen/json.ts';
import { LiveView, SLOW_MS } from './listen/live-view.ts';
import { Pace } from './listen/pace.ts';
import { Printer } from './printer.ts';
import { report, say } from './report.ts';
import { Recorder, type RecordFlags } from './scope/recorder.ts';
import { hasScreen, Screen } from './screen/screen.ts';
import { type EndingSignal, endBy, onShutdown } from './shutdown.ts';
import { STDOUT } from './stdio.ts';
import { isatty } from './terminal.ts';
import { jsonText, visible } from './visible.ts';

/** What a message may have; there is no broker that says less; bytes. */
const MAX_MESSAGE_BYTES = 1 << 20;
/** Lines that may wait for a reader of stdout; what comes then is dropped, and counted. */
const MAX_WAITING = 10_000;
/** Nothing for so long: time for a picture; ms. */
const QUIET_MS = 20;
/** The longest delay of setInterval, which keeps the event loop alive; ms. */
const FOR_EVER_MS = 0x7fff_ffff;

export interface ListenFlags extends RecordFlags, Partial<PlainCoding> {
  readonly once?: true;
  readonly raw?: true;
  readonly json?: true;
  readonly ackBit?: Acks['bit'];
  readonly ackMessage?: Acks['message'];
  readonly quiet?: true;
  readonly color?: boolean;
}

/** `sigmq listen`. @returns the exit code */
export async function listen(flags: ListenFlags): Promise<number> {
  useColours(flags);
  try {
    if (flags.raw && flags.json) throw cliErrors.twoFormats();
    if (isStdoutClosed()) throw cliErrors.noStdout();
    return await new Session(flags).run();
  } catch (error) {
    return report(error);
  }
}

class Session {
  readonly #flags: ListenFlags;
  readonly #log = new HeardLog();
  readonly #printer = new Printer();
  readonly #recorder: Recorder | undefined;
  readonly #hasScreen: boolean;
  /** What was not printed because nobody read it. */
  #dropped = 0;
  #waiting = 0;
  readonly #pace = new Pace();
  #quiet: NodeJS.Timeout | undefined;
  #view: LiveView | undefined;
  #screen: Screen | undefined;
  #end: (signal?: EndingSignal) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(flags: ListenFlags) {
    this.#flags = flags;
    const { vcd, svg, raw, json } = flags;
    this.#hasScreen = !raw && !json && hasScreen();
    if (vcd === undefined && svg === undefined) return;
    const info = { by: 'listen', pid: String(process.pid), ...codingOf(flags) };
    this.#recorder = new Recorder(flags, new Map(Object.entries(info)));
  }

  async run(): Promise<number> {
    const { addon, why } = loadAddon();
    const { ackBit, ackMessage, quiet } = this.#flags;
    if (!addon && (ackBit ?? ackMessage)) throw cliErrors.acksNeedAddon(why);
    const ended = new Promise<EndingSignal | undefined>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    onShutdown((signal) => this.#end(signal));
    const coding = codingOf(this.#flags);
    const listener = new Listener({
      addon,
      table: processTable(),
      maxFrameBytes: maxFrameBytes(MAX_MESSAGE_BYTES),
      coding,
      acks: { bit: ackBit, message: ackMessage },
      onHeard: (heard) => this.#onHeard(heard),
      onMessage: (message) => this.#onMessage(message),
      onWarning: (error) => this.#warn(error),
    });
    const alive = setInterval(() => {}, FOR_EVER_MS);
    if (why !== undefined && !quiet) {
      say(`running as a plain peer (${why}): it is not known who sends, and nobody is answered.`);
    }
    try {
      if (this.#hasScreen) await this.#openScreen(coding);
      // Last: whoever reads it may send.
      else if (!quiet) say(`process ${process.pid} listens: sigmq send --pid ${process.pid} hello`);
      const signal = await ended;
      return signal === 'SIGINT' ? endAfter(() => this.#close(listener), signal) : Exit.Ok;
    } finally {
      clearInterval(alive);
      await this.#close(listener);
    }
  }

  async #openScreen(coding: PlainCoding): Promise<void> {
    const view = new LiveView(process.pid, coding, this.#log);
    this.#view = view;
    const timer = setInterval(() => {
      if (!view.isSlow) return;
      view.step();
      this.#screen?.refresh();
    }, SLOW_MS);
    timer.unref();
    this.#screen = await Screen.open({
      draw: (size) => {
        const began = clockMs();
        // When it has been written, too.
        queueMicrotask(() => this.#pace.drew(clockMs() - began));
        return view.draw(size);
      },
      onKey: (key) => (key === 'q' ? this.#end() : view.onKey(key)),
    });
  }

  #closed: Promise<void> | undefined;

  #close(listener: Listener): Promise<void> {
    this.#closed ??= (async () => {
      await listener.close();
      this.#screen?.close();
      // Before anything is printed, which fails on a terminal that is gone.
      this.#recorder?.close();
      if (this.#screen) await this.#printLog();
      if (this.#dropped > 0) say(`${this.#dropped} lines were not printed: nobody read them.`);
    })();
    return this.#closed;
  }

  async #printLog(): Promise<void> {
    const { messages, messageCount } = this.#log;
    const missing = messageCount - messages.length;
    if (missing > 0)
      say(`${missing} earlier ${missing === 1 ? 'message is' : 'messages are'} not shown.`);
    for (const { body } of messages) await this.#print(line(body));
  }

  #onHeard(heard: Heard): void {
    if (this.#hasScreen) this.#log.add(heard);
    this.#recorder?.add(heard.at, pulseOf(heard));
    if (this.#screen) this.#refreshInTime(heard);
    const { raw, json } = this.#flags;
    if (json) this.#printOrDrop(`${jsonText(jsonOf(heard))}\n`);
    else if (raw && heard.peer === 'plain' && heard.position === 7 && heard.byte) {
      this.#printOrDrop(Uint8Array.of(heard.byte));
    }
  }

  /** Between the bits of a plain sender if they come slowly, and else when none has come for a while. */
  #refreshInTime({ at, peer, kind }: Heard): void {
    if (peer === 'echo' || kind === 'echo') {
      this.#screen?.refresh();
      return;
    }
    if (this.#pace.hasTimeAfter(at)) this.#screen?.refresh();
    else if (this.#quiet) this.#quiet.refresh();
    else
      this.#quiet = setTimeout(() => {
        this.#quiet = undefined;
        this.#screen?.refresh();
      }, QUIET_MS);
  }

  async #onMessage(message: HeardMessage): Promise<void> {
    const { once, raw, json } = this.#flags;
    const { body, peer } = message;
    if (this.#hasScreen) this.#log.addMessage(message);
    else if (json) await this.#print(`${jsonText(messageJson(message))}\n`);
    else if (!raw) await this.#print(line(body));
    else if (peer === 'echo') await this.#print(body);
    if (once) this.#end();
  }

  async #print(text: string | Uint8Array): Promise<void> {
    try {
      await this.#printer.print(Buffer.from(text));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** What plain peers send cannot be held back. */
  #printOrDrop(text: string | Uint8Array): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting++;
    this.#print(text)
      .catch(() => {}) // the reader is gone, which ends us
      .finally(() => {
        this.#waiting--;
      });
  }

  #warn(error: unknown): void {
    if (this.#view) {
      this.#view.warning = error instanceof Error ? error.message : String(error);
      this.#screen?.refresh();
    } else if (!this.#flags.quiet) report(error);
  }
}

function line(body: Uint8Array): Buffer {
  const text = isatty(STDOUT) ? Buffer.from(visible(body)) : body;
  return Buffer.concat([text, Buffer.from('\n')]);
}

/** Ends as Ctrl-C does, once what is open is closed. */
async function endAfter(close: () => Promise<void>, signal: EndingSignal): Promise<number> {
  await close();
  return endBy(signal);
}
