/** Stands between a store and its server, and does what networks do. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class FaultyNetwork {
  /** What the server says does not arrive; what it is asked does. */
  swallows = false;
  /** Pieces of answers that were swallowed. */
  swallowed = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #isCut = false;

  static async to(port: number): Promise<FaultyNetwork> {
    const network = new FaultyNetwork(port);
    await new Promise<void>((resolve) => network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  private constructor(port: number) {
    this.#server = createServer((client) => {
      if (this.#isCut) {
        client.pause(); // as a packet that is dropped: no answer, no error
        client.on('error', () => {});
        this.#pairs.add([client, client]);
        return;
      }
      const server = connect(port, '127.0.0.1');
      const pair = [client, server] as const;
      this.#pairs.add(pair);
      client.on('data', (data) => {
        if (!this.#isCut) server.write(data);
      });
      server.on('data', (data) => {
        if (this.swallows) this.swallowed++;
        else if (!this.#isCut) client.write(data);
      });
      const end = () => {
        this.#pairs.delete(pair);
        if (this.#isCut) return; // nobody hears of it
        client.destroy();
        server.destroy();
      };
      for (const socket of pair) {
        socket.on('error', end);
        socket.on('close', end);
      }
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Nothing passes any more, and nobody is told. */
  cut(): void {
    this.#isCut = true;
  }

  mend(): void {
    this.#isCut = false;
    this.reset();
  }

  /** All connections are reset. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }

  close(): void {
    this.reset();
    this.#server.close();
  }
}
