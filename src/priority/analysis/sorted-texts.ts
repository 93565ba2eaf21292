/** Sorts in steps, so that 100,000 texts block no request, and searches prefixes among sorted texts. */
const textsPerRun = 250;
const textsPerStep = 1_000;

export function* sortedInSteps(texts: readonly string[]): Generator<void, string[]> {
  let runs: string[][] = [];
  for (let at = 0; at < texts.length; at += textsPerRun) {
    runs.push(texts.slice(at, at + textsPerRun).sort());
    yield;
  }
  while (runs.length > 1) {
    const longer: string[][] = [];
    for (let at = 0; at < runs.length; at += 2) longer.push(yield* merged(runs[at] ?? [], runs[at + 1] ?? []));
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merged(left: readonly string[], right: readonly string[]): Generator<void, string[]> {
  const both: string[] = [];
  let next = 0;
  for (const text of left) {
    for (let other = right[next]; other !== undefined && other < text; other = right[++next]) {
      both.push(other);
      if (both.length % textsPerStep === 0) yield;
    }
    both.push(text);
    if (both.length % textsPerStep === 0) yield;
  }
  for (; next < right.length; next++) both.push(right[next] ?? '');
  return both;
}

/** Returns the index of the first sorted text that is not smaller: if any begins with `text`, that one does. */
export function firstNotBefore(sorted: readonly string[], text: string): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? '') < text) from = middle + 1;
    else to = middle;
  }
  return from;
}
