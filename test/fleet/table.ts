/** What the cases have told: one line for each of them, and below it the figures with their bounds. */

interface Figure {
  readonly what: string;
  readonly seen: number;
  readonly unit?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly isWithin: boolean;
}

type How = 'ok' | 'not ok' | 'skipped';

const mark = 'figure ';

export class Table {
  readonly #cases: { readonly file: string; readonly name: string; readonly how: How }[] = [];
  readonly #figures = new Map<string, Figure[]>();

  /** Other messages than those of `figure` (test/support/fleet-case.ts) are shown by the reporter alone. */
  diagnosed(file: string, message: string): void {
    if (!message.startsWith(mark)) return;
    const figures = this.#figures.get(file) ?? [];
    figures.push(JSON.parse(message.slice(mark.length)));
    this.#figures.set(file, figures);
  }

  ended(file: string, name: string, how: How): void {
    this.#cases.push({ file, name, how });
  }

  get isSound(): boolean {
    const figures = [...this.#figures.values()].flat();
    return this.#cases.some(({ how }) => how === 'ok') && this.#failed === 0 && figures.every(one => one.isWithin);
  }

  get summary(): string {
    const count = (how: How) => this.#cases.filter(one => one.how === how).length;
    return `${count('ok')} passed, ${this.#failed} failed, ${count('skipped')} skipped`;
  }

  lines(): string[] {
    const files = [...new Set([...this.#cases.map(({ file }) => file), ...this.#figures.keys()])];
    return files.flatMap(file => [
      `${file}`,
      ...this.#cases.filter(one => one.file === file).map(({ name, how }) => `  ${how.padEnd(7)} ${name}`),
      ...(this.#figures.get(file) ?? []).map(lineOf),
    ]);
  }

  get #failed(): number {
    return this.#cases.filter(({ how }) => how === 'not ok').length;
  }
}

function lineOf({ what, seen, unit = '', atMost, atLeast, isWithin }: Figure): string {
  const bounds = [atLeast !== undefined && `≥ ${atLeast}`, atMost !== undefined && `≤ ${atMost}`].filter(Boolean);
  const bound = bounds.length === 0 ? 'no bound' : `${bounds.join(', ')} ${unit}`.trim();
  return `  ${isWithin ? 'ok' : 'NOT OK'}\t${`${seen} ${unit}`.trim().padStart(12)}  ${bound.padEnd(14)} ${what}`;
}
