/** The word among `words` that was probably meant; undefined: none is similar. */
export function similar(wrong: string, words: Iterable<string>): string | undefined {
  // A third of the letters may differ: `qeue` is `queue`, `foo` is nothing.
  let least = Math.floor(wrong.length / 3) + 1;
  let nearest: string | undefined;
  for (const word of words) {
    const steps = editSteps(wrong, word);
    if (steps >= least) continue;
    least = steps;
    nearest = word;
  }
  return nearest;
}

/** Letters to insert, remove, replace, or swap with their neighbour (optimal string alignment). */
function editSteps(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwap ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped));
    }
    before = last;
    last = row;
  }
  return at(last, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
