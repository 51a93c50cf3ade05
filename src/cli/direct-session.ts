import { DirectSender } from '../client/direct-sender.ts';
import type { SendOptions } from '../client/send-options.ts';
import { codingOf, type PlainCoding } from '../codec/plain-coding.ts';
import { print } from './output.ts';
import { say } from './report.ts';
import { traceOf } from './trace.ts';

export interface DirectFlags extends Partial<PlainCoding> {
  readonly dir?: string;
  readonly pid?: number;
  readonly trace?: true;
  readonly quiet?: true;
}

/** `sigmq send --pid`: sends to a process that was named. */
export class DirectSession {
  /** A process does not say how much it takes. */
  readonly maxMessageBytes = undefined;
  readonly #sender: DirectSender;
  readonly #options: Pick<SendOptions, 'signal' | 'onProgress' | 'onFrame'>;
  #sent = 0;

  /** @throws SigmqError bad-pid, unsafe-target, takes-part; if the runtime directory cannot be used */
  constructor(
    pid: number,
    flags: DirectFlags,
    options: Pick<SendOptions, 'signal' | 'onProgress'>,
  ) {
    const coding = codingOf(flags);
    this.#sender = DirectSender.open({ pid, dir: flags.dir, coding });
    const { kind, plainBecause } = this.#sender;
    const onFrame: SendOptions['onFrame'] = (sent) =>
      print(traceOf(sent, kind === 'plain' ? coding : undefined));
    this.#options = flags.trace ? { ...options, onFrame } : options;
    if (flags.quiet) return;
    if (plainBecause) say(`running as a plain peer (${plainBecause}): nothing is confirmed.`);
    else if (kind === 'plain') say(`process ${pid} is a plain peer: it confirms nothing.`);
  }

  get kind(): 'echo' | 'plain' {
    return this.#sender.kind;
  }

  async send(bodies: Iterable<Uint8Array>): Promise<void> {
    for (const body of bodies) {
      await this.#sender.send(body, this.#options);
      this.#sent++;
    }
  }

  /** For a send that ends before everything is sent. */
  tellConfirmed(kind: string): void {
    say(`${this.#sent} ${kind}${this.#sent === 1 ? ' was' : 's were'} sent before this.`);
  }

  close(): Promise<void> {
    return this.#sender.close();
  }
}
