// What producers were told and what consumers wrote, and whether the two agree.
import { createHash } from 'node:crypto';

/** A message that shows damage: its number, filling with UTF-8 in it, and a hash of both. */
export function messageOf(number, random) {
  const filling = '·größer 信号 '.repeat(random.int(0, 6));
  const text = `${number} ${filling}`;
  return `${text}#${hashOf(text)}`;
}

/** The number of an intact message; undefined for anything else. */
function numberOf(line) {
  const at = line.lastIndexOf('#');
  const text = line.slice(0, at);
  return at > 0 && hashOf(text) === line.slice(at + 1) ? Number.parseInt(text, 10) : undefined;
}

const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);

export class Ledger {
  /** Numbers whose send ended with 0, and numbers that may or may not be on their way. */
  confirmed = new Set();
  attempted = new Set();

  /**
   * @param consumers each `{ lines, died }`: what it wrote, and whether it was killed
   * @returns the counts, and the sentences about what is wrong
   */
  audit(consumers) {
    const deliveries = new Map();
    const wrong = [];
    for (const consumer of consumers) {
      for (const line of consumer.lines) {
        const number = numberOf(line);
        if (number === undefined || !this.attempted.has(number)) {
          wrong.push(`consumer ${consumer.pid} wrote what nobody sent: ${JSON.stringify(line)}`);
        } else deliveries.set(number, [...(deliveries.get(number) ?? []), consumer]);
      }
    }
    let repeats = 0;
    for (const [number, by] of deliveries) {
      repeats += by.length - 1;
      const excused = by.filter(({ died }) => died).length;
      if (by.length - 1 > excused) {
        wrong.push(
          `message ${number} was delivered ${by.length} times, by ${by.map(({ pid, died }) => `${pid}${died ? ' (killed)' : ''}`).join(', ')}`,
        );
      }
    }
    const missing = [...this.confirmed].filter((number) => !deliveries.has(number));
    if (missing.length > 0) wrong.push(`confirmed and not delivered: ${missing.join(' ')}`);
    const counts = {
      attempted: this.attempted.size,
      confirmed: this.confirmed.size,
      delivered: deliveries.size,
      repeats,
    };
    return { counts, wrong, missing };
  }
}

/** Whether numbers rise within one list of lines. @returns sentences about what is wrong */
export function outOfOrder(lines) {
  const numbers = lines.map(numberOf);
  return numbers
    .filter((number, at) => at > 0 && !(number > numbers[at - 1]))
    .map((number) => `message ${number} is out of order`);
}
