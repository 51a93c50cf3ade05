import { SignalCodec } from '../codec/signal-codec.ts';
import type { ProcessTable } from '../registry/process-table.ts';
import { loadAddon } from '../signals/addon.ts';
import { EchoLink, type EchoLinkOptions } from './echo-link.ts';
import { type PacedOptions, sendPaced } from './paced-sender.ts';
import { PlainLink } from './plain-link.ts';
import type { EchoTarget } from './transfer.ts';

export type EndpointOptions = Omit<EchoLinkOptions, 'addon'>;

/** The two signals of this process, with the addon or without. */
export class Endpoint {
  /** Undefined where the addon cannot load; {@link plainBecause} says why. */
  readonly echo: EchoLink | undefined;
  readonly plainBecause: string | undefined;
  readonly #plain: PlainLink | undefined;
  readonly #table: ProcessTable;

  /** Afterwards neither signal can kill this process, and the PID may be published. */
  constructor(options: EndpointOptions) {
    this.#table = options.table;
    const { addon, why } = loadAddon();
    this.plainBecause = why;
    if (addon) this.echo = new EchoLink({ ...options, addon });
    else this.#plain = new PlainLink(options);
  }

  /** Runs `work` while no other sigmq process of the directory transmits. */
  async exclusively<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.echo) return this.echo.withBus(work, signal);
    return (this.#plain as PlainLink).withBus(work, signal);
  }

  /** Sends a body to a plain peer. @throws CodecError zero-byte, LinkError, the reason of the signal */
  async sendPlain(target: EchoTarget, body: Uint8Array, options?: PacedOptions): Promise<void> {
    return sendPaced(target, SignalCodec.encode(body), this.#table, options);
  }

  async close(): Promise<void> {
    await this.echo?.close();
    await this.#plain?.close();
  }
}
