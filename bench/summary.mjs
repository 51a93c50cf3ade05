/** The median of samples, with the smallest and the largest. */
export function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Each of a name's samples is summed up. */
export const summaries = (samples) =>
  Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summary(values)]));

/** A figure with as many digits as it is good for. */
export const digits = (value) =>
  value >= 1000 ? value.toFixed(0) : value.toFixed(value < 10 ? 2 : 1);
