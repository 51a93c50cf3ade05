import { readFileSync } from 'node:fs';
import { clockMs } from '../../clock.ts';
import { quietly } from '../../quietly.ts';
import { loadAddon } from '../../signals/addon.ts';
import { print } from '../output.ts';
import { ENDING, type EndingSignal, endBy } from '../shutdown.ts';
import { STDOUT } from '../stdio.ts';
import { isatty } from '../terminal.ts';
import { columnsOf, cut } from './cells.ts';
import { keyName } from './keys.ts';

/** More pictures a second than this nobody sees; ms. */
const FRAME_MS = 33;
/**
 * After it has stopped itself a process may run on for a moment, or for good: in a process group that nobody controls
 * there is no stop (setpgid(2), orphaned). What it does after this it does after it was continued; ms.
 */
const STOP_MS = 30;

// Private modes of xterm (ctlseqs): 1049 is a second screen, which leaves the first as it was; 25 the cursor; 7 the
// wrapping of lines that are too long.
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const REST_OF_LINE = '\x1b[K';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is shown. */
export interface View {
  /** The lines from the top; what does not fit is cut. They may have colours, but nothing that moves the cursor. */
  draw(size: Size): readonly string[];
  /**
   * A key: the character that it types, or a name: `space`, `enter`, `escape`, `tab`, `backspace`, `up`, `down`, `left`,
   * `right`, `pageup`, `pagedown`, `home`, `end`, `ctrl-x`. Ctrl-C, Ctrl-Z and Ctrl-\ do not come here.
   */
  onKey(key: string): void;
}

/** Whether there is a terminal that can be drawn on, and it is ours: what is started with `&` prints lines. */
export function hasScreen(): boolean {
  const { TERM = '' } = process.env;
  return isatty(STDOUT) && TERM !== '' && TERM !== 'dumb' && hasForeground();
}

/**
 * The whole terminal, for a picture that changes. The terminal is as it was before after {@link close}, and whenever
 * this process ends or stops, but for SIGKILL and SIGSTOP. Open one only if {@link hasScreen}, and print nothing while
 * it is open.
 *
 * Ctrl-C is SIGINT as always: the screen closes, and whatever else handles that signal goes on; if nothing does, the
 * process ends.
 */
export class Screen {
  readonly #view: View;
  readonly #hasKeys = isatty(0);
  /** What is on the screen. */
  #shown: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** For the terminal, while this process is stopped. */
  #wait: NodeJS.Timeout | undefined;
  #drawnAt = 0;
  #isOpen = false;

  /** @param view is drawn at once, when the size changes, and after {@link refresh} */
  static async open(view: View): Promise<Screen> {
    const screen = new Screen(view);
    if (screen.#hasKeys) {
      const { emitKeypressEvents } = await import('node:readline');
      emitKeypressEvents(process.stdin);
      process.stdin.on('keypress', screen.#onKey);
    }
    process.stdout.on('resize', screen.#onResize);
    process.on('SIGTSTP', screen.#stop);
    process.on('SIGCONT', screen.#onContinued);
    process.on('exit', screen.close);
    // Before the error is printed.
    process.on('uncaughtExceptionMonitor', screen.close);
    for (const signal of ENDING) process.prependListener(signal, screen.#onEnding);
    screen.#enter();
    return screen;
  }

  private constructor(view: View) {
    this.#view = view;
  }

  /** Draws soon: call it whenever something has changed. */
  refresh(): void {
    if (!this.#isOpen) return;
    this.#timer ??= setTimeout(this.#draw, Math.max(0, FRAME_MS - (clockMs() - this.#drawnAt)));
  }

  /** May be called more than once. */
  readonly close = (): void => {
    this.#leave();
    process.stdin.off('keypress', this.#onKey);
    process.stdout.off('resize', this.#onResize);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#onContinued);
    process.off('exit', this.close);
    process.off('uncaughtExceptionMonitor', this.close);
    for (const signal of ENDING) process.off(signal, this.#onEnding);
  };

  /** In the background it stops, as any program that wants the terminal, until it has it. */
  readonly #enter = (): void => {
    clearTimeout(this.#wait);
    if (!hasForeground()) {
      process.kill(process.pid, 'SIGTTOU');
      this.#wait = setTimeout(this.#enter, STOP_MS);
      return;
    }
    // The size may be another one by now, and only who had the terminal was told: Node asks for it again.
    // It throws when the terminal was closed: SIGCONT comes with SIGHUP then.
    quietly(() => process.emit('SIGWINCH', 'SIGWINCH'));
    this.#isOpen = true;
    // Off before on: whoever had the terminal meanwhile may have changed it, of which Node knows nothing.
    if (this.#hasKeys) {
      quietly(() => process.stdin.setRawMode(false).setRawMode(true));
      process.stdin.resume();
    }
    this.#write(ENTER);
    this.#shown = [];
    this.#draw();
  };

  #leave(): void {
    clearTimeout(this.#wait);
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#hasKeys) process.stdin.pause();
    // In the background it is a shell's by now, and whoever changes it is stopped (termios(3), TOSTOP; SIGTTOU).
    if (!hasForeground()) return;
    if (this.#hasKeys) quietly(() => process.stdin.setRawMode(false));
    this.#write(LEAVE);
  }

  readonly #draw = (): void => {
    this.#timer = undefined;
    this.#drawnAt = clockMs();
    if (!this.#isOpen) return;
    // A terminal that takes nothing now (Ctrl-S in tmux, a slow line) must not hold up the process.
    if (loadAddon().addon?.writable(STDOUT, 0) === 0) {
      this.refresh();
      return;
    }
    const { columns = 80, rows = 24 } = process.stdout;
    const lines = this.#view
      .draw({ columns, rows })
      .slice(0, rows)
      .map((line) => cut(line, columns));
    const changes: string[] = [];
    for (let row = 0; row < Math.max(lines.length, this.#shown.length); row++) {
      const line = lines[row] ?? '';
      if (line === this.#shown[row]) continue;
      // After a line that fills its row the cursor stands on the last character (ctlseqs, DECAWM).
      const erased = columnsOf(line) < columns ? REST_OF_LINE : '';
      changes.push(`\x1b[${row + 1};1H${line}${erased}`);
    }
    this.#shown = lines;
    if (changes.length > 0) this.#write(changes.join(''));
  };

  readonly #onResize = (): void => {
    if (!this.#isOpen) return;
    this.#write('\x1b[2J');
    this.#shown = [];
    this.refresh();
  };

  readonly #onKey = (text: string | undefined, key: Parameters<typeof keyName>[1]): void => {
    const name = keyName(text, key);
    // To the whole group, as the terminal would: there may be a pipeline.
    if (name === 'ctrl-c') process.kill(0, 'SIGINT');
    else if (name === 'ctrl-z') process.kill(0, 'SIGTSTP');
    else if (name === 'ctrl-\\') {
      this.close();
      process.kill(0, 'SIGQUIT');
    } else if (name !== undefined && this.#isOpen) {
      this.#view.onKey(name);
      this.refresh();
    }
  };

  readonly #stop = (): void => {
    this.#leave();
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#onContinued);
    process.kill(process.pid, 'SIGTSTP');
    this.#wait = setTimeout(() => {
      process.on('SIGTSTP', this.#stop);
      process.on('SIGCONT', this.#onContinued);
      this.#enter();
    }, STOP_MS);
  };

  /** After SIGSTOP, of which a process learns nothing: a shell had the terminal meanwhile. */
  readonly #onContinued = (): void => {
    if (this.#isOpen) this.#enter();
  };

  readonly #onEnding = (signal: NodeJS.Signals): void => {
    this.close();
    if (process.listenerCount(signal) === 0) process.exit(endBy(signal as EndingSignal));
  };

  /** A terminal that was closed takes nothing, which is no fault of ours: SIGHUP is on its way. */
  #write(text: string): void {
    quietly(() => print(text));
  }
}

/** Whether the terminal is ours for now (proc_pid_stat(5): pgrp, tpgid). */
function hasForeground(): boolean {
  const stat = quietly(() => readFileSync('/proc/self/stat', 'latin1'));
  if (stat === undefined) return true;
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return foreground === group || foreground === '-1';
}
