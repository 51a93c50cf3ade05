// What those who asked were told: the reply that a worker gave to their own message, or why there is none.
import { Ledger } from './ledger.mjs';
import { Fate, readMessage } from './message.mjs';

/** worker.sh prints the id, attempt and PID of its run, and the message. */
const REPLY = /^(\d+ \d+ \d+) (.*)\n$/s;
/** How an ask ends that got a reply, by the fate of its message; rejected: a dead letter has none. */
const CODES = { [Fate.Three]: 3, [Fate.Bad]: 65 };
/** docs/guarantees.md, Asking: the work may have been done, or may yet be. */
const UNKNOWN = [69, 75, 124];
/** Nobody removes anything. */
const GONE = /neither the message nor a reply|dead letter/;

export class AskLedger extends Ledger {
  #asks = [];

  /**
   * An ask has ended, and was not killed.
   * @param {{ code: number | string, text: string, said: string, mayWait?: boolean, isHasty?: boolean }} end what it
   *   printed, and said on its standard error; whether it was to wait for a broker; whether its time is short, and its
   *   message expires then
   */
  answered(number, end) {
    this.#asks.push({ number, ...end });
    if (!isUnknown(end)) this.confirm(number);
  }

  /** @override */
  audit(consumers, overdue, takenOver) {
    const audit = super.audit(consumers, overdue, takenOver);
    const { deliveries } = this.collect(consumers);
    for (const ask of this.#asks) {
      const why = objection(ask, deliveries.get(ask.number) ?? []);
      if (why) audit.wrong.push(`ask ${ask.number} ${why}`);
    }
    const counts = { ...audit.counts, 'without a reply': this.#asks.filter(isUnknown).length };
    return { ...audit, counts };
  }
}

const isUnknown = ({ code }) => UNKNOWN.includes(code);

/** undefined: nothing speaks against it. */
function objection(ask, records) {
  const { code, text, said } = ask;
  if (isUnknown(ask))
    return text === '' ? ofFailure(ask) : `ended with ${code}, and printed ${text}`;
  const [{ fate = '' } = {}] = records;
  const wanted = CODES[fate] ?? 0;
  if (code !== wanted) return `ended with ${code}, and ${wanted} is right: ${said}`;
  if (fate === Fate.Bad) {
    return text === '' && /dead letter/.test(said)
      ? undefined
      : `was rejected, and told: ${text}${said}`;
  }
  const [, run, message = ''] = REPLY.exec(text) ?? [];
  const { number } = readMessage(message) ?? {};
  if (number === undefined) return `got what no worker says: ${JSON.stringify(text)}`;
  if (number !== ask.number) return `got the reply to ${number}`;
  const isOurs = records.some((record) => record.run === run && record.ended);
  return isOurs ? undefined : `got a reply that no worker has finished: ${run}`;
}

function ofFailure({ code, said, mayWait, isHasty }) {
  if (isHasty) return undefined;
  if (code === 124) return 'had much time, and got no reply';
  if (GONE.test(said)) return `was told that its message is gone: ${said}`;
  if (code === 69 && mayWait) return `did not wait for a broker: ${said}`;
  return undefined;
}
