/** Takes whole lines, many at a time. */
export type LogSink = (text: string) => void;

/** At the latest after so long a line leaves the buffer. */
const holdMs = 100;
/** A buffer of so many characters leaves at once. */
const holdChars = 64 * 1024;

/** Lines written in batches: a system call for each would cost more than all else about a line. */
export class LineBuffer {
  readonly #sink: LogSink;
  #held = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  /** `line` without its line break. */
  append(line: string): void {
    this.#held += `${line}\n`;
    if (this.#held.length >= holdChars) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), holdMs).unref();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#held === '') return;
    const lines = this.#held;
    this.#held = '';
    this.#sink(lines);
  }
}
