/** Counts the edits between two names: insert, delete, replace a letter, swap two neighbours. */
const distance = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? at(i - 2, j - 2) + 1 : replaced;
      row.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
};

// Longer names cannot be near a known one, and the comparison is quadratic.
const longest = 80;

/** Returns the most similar known name; null if none is near: at most three edits, and a third of the name. */
export const closest = (name: string, known: Iterable<string>): string | null => {
  if (name.length > longest) return null;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < bestDistance && edits <= Math.min(3, Math.max(1, candidate.length / 3))) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best;
};
