import { optionErrors } from './errors.ts';
import { isObject, type TextKind } from './kind.ts';
import { MAX_QUEUES, queueName } from './kinds.ts';
import { wholeNumber } from './numbers.ts';

/** More would not be told from a strict priority. */
export const MAX_WEIGHT = 1000;
const weight = wholeNumber(1, MAX_WEIGHT);

/** A queue from which a consumer takes so many messages to so many of another; a name alone stands for a weight of 1. */
export interface WeightedQueue {
  readonly name: string;
  readonly weight: number;
}

export type QueueChoice = string | WeightedQueue;

/** As text: `mail`, `mail:3`, or several separated by commas. */
export const queueChoices: TextKind<QueueChoice[]> = {
  parse(text) {
    const choices = text.split(',').map(choiceOf);
    queueChoices.check(choices);
    return choices;
  },
  check(value) {
    if (!Array.isArray(value) || value.length === 0) throw optionErrors.badQueues(value);
    for (const choice of value) checkChoice(choice);
    const count = new Set(value.map(nameOf)).size;
    if (count > MAX_QUEUES) throw optionErrors.tooManyQueues(count, MAX_QUEUES);
  },
};

/** The names, each once, and their weights in the same order; undefined: none has one. */
export function weighed(choices: readonly QueueChoice[]): {
  readonly queues: readonly string[];
  readonly weights: readonly number[] | undefined;
} {
  // The last weight of a queue is the one that is meant.
  const weights = new Map<string, number>();
  for (const choice of choices) {
    const name = nameOf(choice);
    if (typeof choice !== 'string' || !weights.has(name)) weights.set(name, weightOf(choice));
  }
  const hasWeights = choices.some((choice) => typeof choice !== 'string');
  return {
    queues: [...weights.keys()],
    weights: hasWeights ? [...weights.values()] : undefined,
  };
}

const nameOf = (choice: QueueChoice) => (typeof choice === 'string' ? choice : choice.name);
const weightOf = (choice: QueueChoice) => (typeof choice === 'string' ? 1 : choice.weight);

function choiceOf(text: string): QueueChoice {
  const at = text.indexOf(':');
  if (at < 0) return text;
  const digits = text.slice(at + 1);
  if (!/^\d+$/.test(digits)) throw optionErrors.badWeight(digits, MAX_WEIGHT);
  return { name: text.slice(0, at), weight: Number(digits) };
}

function checkChoice(choice: unknown): void {
  if (!isObject(choice)) {
    queueName.check(choice);
    return;
  }
  const { name, weight: wanted } = choice as Partial<WeightedQueue>;
  queueName.check(name);
  try {
    weight.check(wanted);
  } catch {
    throw optionErrors.badWeight(wanted, MAX_WEIGHT);
  }
}
