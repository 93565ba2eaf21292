import { singleFlight } from '../../domain/structures/single-flight.ts';
import { type Gap, LineBuffer } from './line-buffer.ts';
import { type LogSink, type Outlet, openLogFile, reopenLogFile, sinkOutlet, standardOutlet } from './log-outlet.ts';
import { LogWriter } from './log-writer.ts';

/** Where the lines go: what a test takes, a file, or standard output. */
export type LineTarget = { readonly sink: LogSink } | { readonly file: string | null };

/** Lines on their way to one target: held within a bound, and written in batches. */
export class LineLog {
  readonly isColoured: boolean;
  /** Where its lines go, as an outlet tells it. */
  readonly place: string | null;
  /** Goes on in a new file of the same name, or resolves to the reason why it cannot; does nothing without a file. */
  readonly reopen: () => Promise<Reopened>;
  readonly #buffer: LineBuffer;
  readonly #writer: LogWriter;

  /** `gapLine` renders what tells of lines that were dropped. Throws `LogFileFault`. */
  constructor(target: LineTarget, gapLine: (gap: Gap) => string) {
    const outlet = openOutlet(target);
    this.isColoured = outlet.isColoured;
    this.place = outlet.place;
    this.#buffer = new LineBuffer({ gapLine, date: () => new Date() });
    this.#writer = new LogWriter({ buffer: this.#buffer, outlet });
    if (!('sink' in target)) this.#writer.writeAtExit();
    const file = 'sink' in target ? null : target.file;
    // One at a time: a folder on a file system that hangs must not collect them.
    this.reopen = singleFlight(() => this.#reopen(file));
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#buffer.dropped;
  }

  /** `line` without its line break. */
  append(line: string, isImportant: boolean): void {
    this.#buffer.append(line, isImportant);
    if (this.#buffer.holds === 'chunk') this.#writer.now();
    else this.#writer.soon();
  }

  flush(): void {
    this.#writer.now();
  }

  /** Waits until the lines are written, but not for a reader that stands still. */
  close(): Promise<void> {
    return this.#writer.close();
  }

  async #reopen(file: string | null): Promise<Reopened> {
    if (file === null) return 'no file';
    try {
      this.#writer.moveTo(await reopenLogFile(file));
      return 'anew';
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }
}

type Reopened = 'no file' | 'anew' | { readonly reason: string };

const openOutlet = (target: LineTarget): Outlet => {
  if ('sink' in target) return sinkOutlet(target.sink);
  return target.file === null ? standardOutlet(process.stdout) : openLogFile(target.file);
};
