// As much of beanstalkd's protocol as a benchmark needs, over TCP:
// https://github.com/beanstalkd/beanstalkd/blob/master/doc/protocol.txt
// Answers come in the order of the commands, so any number of commands can be on the way.
import { once } from 'node:events';
import { connect } from 'node:net';

/** Longer than any benchmark: a job that is reserved stays reserved; seconds. */
const TIME_TO_RUN = 3600;
const LINE_END = Buffer.from('\r\n');

export class BeanstalkClient {
  #socket;
  /** What waits for an answer, the oldest first. @type {{ resolve: (answer: any) => void, reject: (error: Error) => void }[]} */
  #waiting = [];
  #received = Buffer.alloc(0);

  static async connect(port) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return new BeanstalkClient(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('beanstalkd hung up'));
    });
  }

  /** Puts a job: it is in the queue when this resolves, to its number. */
  async put(/** @type {string | Buffer} */ body) {
    const bytes = Buffer.from(body);
    const command = Buffer.from(`put 0 0 ${TIME_TO_RUN} ${bytes.length}\r\n`);
    const { word, args } = await this.#ask(Buffer.concat([command, bytes, LINE_END]));
    if (word !== 'INSERTED') throw new Error(`beanstalkd answered put with ${word}`);
    return args[0];
  }

  /** Waits for a job. */
  async reserve() {
    const { word, args, body } = await this.#ask(Buffer.from('reserve\r\n'));
    if (word !== 'RESERVED') throw new Error(`beanstalkd answered reserve with ${word}`);
    return { id: args[0], body };
  }

  /** Deletes a job: it is gone when this resolves. */
  async delete(id) {
    const { word } = await this.#ask(Buffer.from(`delete ${id}\r\n`));
    if (word !== 'DELETED') throw new Error(`beanstalkd answered delete with ${word}`);
  }

  close() {
    this.#socket.destroy();
  }

  /** @returns {Promise<{ word: string, args: string[], body?: Buffer }>} */
  #ask(command) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(command);
    });
  }

  #take(chunk) {
    this.#received = this.#received.length ? Buffer.concat([this.#received, chunk]) : chunk;
    for (let answer = this.#next(); answer; answer = this.#next()) {
      this.#waiting.shift()?.resolve(answer);
    }
  }

  /** Cuts an answer off what was received; undefined while it is not complete. */
  #next() {
    const end = this.#received.indexOf(LINE_END);
    if (end === -1) return undefined;
    const [word = '', ...args] = this.#received.toString('latin1', 0, end).split(' ');
    let after = end + LINE_END.length;
    let body;
    if (word === 'RESERVED') {
      const start = after;
      after += Number(args[1]) + LINE_END.length;
      if (this.#received.length < after) return undefined;
      body = this.#received.subarray(start, after - LINE_END.length);
    }
    this.#received = this.#received.subarray(after);
    return { word, args, body };
  }
}
