import { pino } from 'pino';
import type { LogConfig } from '../config/config.ts';
import type { Gap } from './log/line-buffer.ts';
import { LineLog } from './log/line-log.ts';
import { LogFileFault, type LogSink, type Outlet, standardOutlet } from './log/log-outlet.ts';
import { type RecordKind, toPipe } from './log/piped.ts';
import { printable, withoutKeys, wordOrQuoted } from './text.ts';

export { LogFileFault, type LogSink };
export type LogLevel = LogConfig['level'];
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * `json`: one object a line, with `level` as a word, `time` and `msg`. `pretty`: `[LEVEL] text`, then the fields
 * as key=value. Lines are written in batches, at the latest after 100 ms; an error at once.
 */
export interface Logger {
  /** On every line. */
  readonly labels: LogFields;
  readonly isColoured: boolean;
  isEnabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The error's name, message, code, stack and causes; nothing else that a library hung on it. */
  error(message: string, error?: unknown): void;
  /** Returns the beginning of a pretty line of this level; coloured on a terminal. */
  bracket(level: LogLevel): string;
  /** A line that a worker has rendered. */
  append(line: string, isImportant: boolean): void;
  readonly requests: RequestLog;
  /** Lines that were dropped because what is held of the log has a bound. */
  readonly dropped: number;
  flush(): void;
  /** Goes on in new files of the same names; where there is none to be had, says so and goes on in the old one. */
  reopen(): Promise<void>;
  /** Waits until the lines are written, but not for a reader that stands still. */
  close(): Promise<void>;
}

/** The lines of requests, which a million of the lines of a gateway are: among all others, or in a file of their own. */
interface RequestLog {
  readonly format: LogConfig['format'];
  readonly isWritten: boolean;
  /** A line that is rendered already. */
  append(line: string): void;
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
 * To standard output or the configured files, or to `sink` where one is given. Throws `LogFileFault`.
 */
export const createLogger = (config: LogConfig, sink?: LogSink, options: LoggerOptions = {}): Logger => {
  const { gateway = null, worker = null } = options;
  const labels = { ...(gateway === null ? {} : { gateway }), ...(worker === null ? {} : { worker }) };
  const framed = worker === null ? (line: string) => line : toPipe;
  const gapLine = (gap: Gap): string => framed(render('warn', gapText(gap), {}), 'important');
  const lines = new LineLog(sink === undefined ? { file: config.file } : { sink }, gapLine);
  const isColoured = options.isColoured ?? lines.isColoured;
  const bracket = (level: LogLevel) => bracketOf(level, isColoured);
  const render: Render = config.format === 'json' ? jsonRenderer(labels) : prettyRenderer(bracket, labels);
  const append = (line: string, kind: RecordKind) => lines.append(framed(line, kind), kind === 'important');
  const isEnabled = (level: LogLevel) => ranks[level] >= ranks[config.level];
  const log = (level: LogLevel, message: string, fields: Fields = {}) => {
    if (isEnabled(level)) append(render(level, message, fields), ranks[level] >= ranks.warn ? 'important' : 'ordinary');
  };
  // The lines of a worker's requests are written by its parent.
  const access =
    config.accessFile === null || worker !== null ? null : openAccessLog(config.accessFile, labels, lines.place);
  const files = together(lines, access);
  return {
    labels,
    isColoured,
    isEnabled,
    log,
    error(message, error) {
      log('error', message, error === undefined ? {} : { err: describeError(error) });
      // The process may end next.
      lines.flush();
    },
    bracket,
    append: (line, isImportant) => append(line, isImportant ? 'important' : 'ordinary'),
    requests: requestLog(config, isEnabled, line =>
      access === null ? append(line, 'request') : access.append(line, false),
    ),
    get dropped() {
      return files.dropped();
    },
    flush: files.flush,
    reopen: () => files.reopen(log),
    close: files.close,
  };
};

/** `access`: the lines of requests, where they have a file of their own. */
const together = (lines: LineLog, access: LineLog | null) => ({
  dropped: () => lines.dropped + (access?.dropped ?? 0),
  flush() {
    lines.flush();
    access?.flush();
  },
  async reopen(log: Logger['log']) {
    await Promise.all([reopened(lines, 'file', log), access && reopened(access, 'access_file', log)]);
  },
  async close() {
    await Promise.all([lines.close(), access?.close()]);
  },
});

const requestLog = (
  { format, accessFile }: LogConfig,
  isEnabled: Logger['isEnabled'],
  append: (line: string) => void,
): RequestLog => ({
  format: accessFile === null ? format : 'json',
  isWritten: accessFile !== null || isEnabled('info'),
  append,
});

/** Two that write to one pipe would write into each other's lines, and a file has one name to be rotated by. */
const openAccessLog = (file: string, labels: LogFields, placeOfOthers: string | null): LineLog => {
  const render = jsonRenderer(labels);
  const log = new LineLog({ file }, gap => render('warn', gapText(gap), {}));
  if (log.place === null || log.place !== placeOfOthers) return log;
  void log.close();
  throw new LogFileFault(file, 'all other lines go there, too: without access_file, the lines of requests do as well');
};

const gapText = ({ lines, since }: Gap): string =>
  `Log: ${lines} ${lines === 1 ? 'line was' : 'lines were'} dropped since ${since.toISOString()}, ` +
  'because they could not be written as fast as they came';

let standardError: Outlet | null = null;

const reopened = async (lines: LineLog, key: 'file' | 'access_file', log: Logger['log']): Promise<void> => {
  const outcome = await lines.reopen();
  if (outcome === 'no file') return;
  if (outcome === 'anew') return log('info', `Log: the ${key} is opened anew`);
  const text = `Log: what was written to before goes on: ${outcome.reason}`;
  log('warn', text);
  standardError ??= standardOutlet(process.stderr);
  await tryWriting(standardError, `${text}\n`);
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
