import { pino } from 'pino';
import type { LogConfig } from '../config/config.ts';
import { singleFlight } from '../domain/structures/single-flight.ts';
import { type Gap, LineBuffer } from './log/line-buffer.ts';
import { type LogSink, type Outlet, openLogFile, reopenLogFile, sinkOutlet, standardOutlet } from './log/log-outlet.ts';
import { LogWriter } from './log/log-writer.ts';
import { toPipe } from './log/piped.ts';
import { printable, withoutKeys, wordOrQuoted } from './text.ts';

export { LogFileFault, type LogSink } from './log/log-outlet.ts';
export type LogLevel = LogConfig['level'];
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * `json`: one object a line, with `level` as a word, `time` and `msg`. `pretty`: `[LEVEL] text`, then the fields
 * as key=value. Lines are written in batches, at the latest after 100 ms; an error at once.
 */
export interface Logger {
  readonly format: LogConfig['format'];
  /** On every line. */
  readonly labels: LogFields;
  readonly isColoured: boolean;
  isEnabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The error's name, message, code, stack and causes; nothing else that a library hung on it. */
  error(message: string, error?: unknown): void;
  /** Returns the beginning of a pretty line of this level; coloured on a terminal. */
  bracket(level: LogLevel): string;
  /** A line that was rendered already: of a request, as there is one for each, or of a worker. */
  append(line: string, isImportant?: boolean): void;
  /** Lines that were dropped because what is held of the log has a bound. */
  readonly dropped: number;
  flush(): void;
  /** Goes on in a new file of the same name; where there is none to be had, says so and goes on in the old one. */
  reopen(): Promise<void>;
  /** Waits until the lines are written, but not for a reader that stands still. */
  close(): Promise<void>;
}

interface LoggerOptions {
  readonly isColoured?: boolean;
  readonly gateway?: string | null;
  /** The number of this process, whose lines another one writes; null: it writes them itself. */
  readonly worker?: number | null;
}

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const colours: Record<LogLevel, number> = { debug: 90, info: 32, warn: 33, error: 31 };

/**
 * To standard output or the configured file, or to `sink` where one is given. Throws `LogFileFault`.
 */
export const createLogger = (config: LogConfig, sink?: LogSink, options: LoggerOptions = {}): Logger => {
  const { gateway = null, worker = null } = options;
  const outlet = openOutlet(config, sink);
  const isColoured = options.isColoured ?? outlet.isColoured;
  const bracket = (level: LogLevel) => bracketOf(level, isColoured);
  const labels = { ...(gateway === null ? {} : { gateway }), ...(worker === null ? {} : { worker }) };
  const render = config.format === 'json' ? jsonRenderer(labels) : prettyRenderer(bracket, labels);
  const framed = worker === null ? (line: string) => line : toPipe;
  const gapLine = (gap: Gap) => framed(render('warn', gapText(gap), {}), true);
  const buffer = new LineBuffer({ gapLine, date: () => new Date() });
  const writer = new LogWriter({ buffer, outlet });
  if (sink === undefined) writer.writeAtExit();
  const append = (line: string, isImportant: boolean) => {
    buffer.append(framed(line, isImportant), isImportant);
    if (buffer.holds === 'chunk') writer.now();
    else writer.soon();
  };
  const isEnabled = (level: LogLevel) => ranks[level] >= ranks[config.level];
  const log = (level: LogLevel, message: string, fields: Fields = {}) => {
    if (isEnabled(level)) append(render(level, message, fields), ranks[level] >= ranks.warn);
  };
  return {
    format: config.format,
    labels,
    isColoured,
    isEnabled,
    log,
    error(message, error) {
      log('error', message, error === undefined ? {} : { err: describeError(error) });
      // The process may end next.
      writer.now();
    },
    bracket,
    append: (line, isImportant = false) => append(line, isImportant),
    get dropped() {
      return buffer.dropped;
    },
    flush: () => writer.now(),
    reopen: sink === undefined && config.file !== null ? reopener(config.file, writer, log) : async () => {},
    close: () => writer.close(),
  };
};

const openOutlet = ({ file }: LogConfig, sink: LogSink | undefined): Outlet => {
  if (sink !== undefined) return sinkOutlet(sink);
  return file === null ? standardOutlet(process.stdout) : openLogFile(file);
};

const gapText = ({ lines, since }: Gap): string =>
  `Log: ${lines} ${lines === 1 ? 'line was' : 'lines were'} dropped since ${since.toISOString()}, ` +
  'because they could not be written as fast as they came';

/** One at a time: a folder on a file system that hangs must not collect them. */
const reopener = (file: string, writer: LogWriter, log: Logger['log']): (() => Promise<void>) => {
  const standardError = standardOutlet(process.stderr);
  return singleFlight(async () => {
    try {
      writer.moveTo(await reopenLogFile(file));
      log('info', 'Log: the file is opened anew');
    } catch (error) {
      const text = `Log: what was written to before goes on: ${error instanceof Error ? error.message : String(error)}`;
      log('warn', text);
      await tryWriting(standardError, `${text}\n`);
    }
  });
};

/** A missing reader is not waited for. */
const tryWriting = async (outlet: Outlet, text: string): Promise<void> => {
  try {
    await outlet.write(Buffer.from(text));
  } catch {
    // The log has it, too.
  }
};

const bracketOf = (level: LogLevel, isColoured: boolean): string => {
  const word = `[${level.toUpperCase()}]`;
  return isColoured ? `\u001b[${colours[level]}m${word}\u001b[39m` : word;
};

interface ErrorDescription {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const deepestCause = 4;

const describeError = (error: unknown, depth = 1): ErrorDescription => {
  if (!(error instanceof Error)) return { type: typeof error, message: withoutKeys(String(error)) };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const stack = error.stack === undefined ? {} : { stack: withoutKeys(error.stack) };
  const hasCause = error.cause !== undefined && depth < deepestCause;
  const cause = hasCause ? { cause: describeError(error.cause, depth + 1) } : {};
  return { type: error.name, message: withoutKeys(error.message), ...code, ...stack, ...cause };
};

type Fields = LogFields | { readonly err: ErrorDescription };
type Render = (level: LogLevel, message: string, fields: Fields) => string;

const jsonRenderer = (labels: LogFields): Render => {
  let line = '';
  const write = (text: string) => {
    line = text.trimEnd();
  };
  const options = {
    level: 'debug',
    base: Object.keys(labels).length === 0 ? null : labels,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (word: string) => ({ level: word }) },
    // The description is plain data already.
    serializers: { err: (err: unknown) => err },
  };
  const json = pino(options, { write });
  return (level, message, fields) => {
    json[level](fields, message);
    return line;
  };
};

const prettyRenderer =
  (bracket: (level: LogLevel) => string, labels: LogFields): Render =>
  (level, message, fields) => {
    const { err, ...others } = fields as LogFields & { err?: ErrorDescription };
    const pairs = Object.entries({ ...others, ...labels }).map(
      ([key, value]) => ` ${key}=${wordOrQuoted(String(value))}`,
    );
    const trace = err === undefined ? '' : prettyError(err);
    return `${bracket(level)} ${printable(message)}${pairs.join('')}${trace}`;
  };

/** On lines of their own, indented, so that none looks like the beginning of a log line. */
const prettyError = ({ type, message, code, stack, cause }: ErrorDescription): string => {
  const first = `${type}: ${message}${code === undefined ? '' : ` (${code})`}`;
  const frames = (stack ?? '').split('\n').filter(line => /^\s+at /.test(line));
  const lines = [first, ...frames.map(line => `  ${line.trim()}`)].map(line => `\n  ${printable(line)}`);
  return lines.join('') + (cause === undefined ? '' : `\n  caused by${prettyError(cause)}`);
};
