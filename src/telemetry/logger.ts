import { pino } from 'pino';
import type { LogConfig } from '../config/config.ts';
import { LineBuffer, type LogSink } from './line-buffer.ts';
import { printable, withoutKeys, wordOrQuoted } from './text.ts';

export type { LogSink } from './line-buffer.ts';
export type LogLevel = LogConfig['level'];
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * `json`: one object a line, with `level` as a word, `time` and `msg`. `pretty`: `[LEVEL] text`, then the fields
 * as key=value. Lines are written in batches, at the latest after 100 ms; an error at once.
 */
export interface Logger {
  readonly format: LogConfig['format'];
  isEnabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The error's name, message, code, stack and causes; nothing else that a library hung on it. */
  error(message: string, error?: unknown): void;
  /** How a pretty line of this level begins; coloured on a terminal. */
  bracket(level: LogLevel): string;
  /** A line that was rendered already, for the one kind of which there is one a request. */
  append(line: string): void;
  flush(): void;
  /** Flushes and waits until the lines are written. */
  close(): Promise<void>;
}

interface LoggerOptions {
  readonly isColoured: boolean;
}

interface Output {
  readonly sink: LogSink;
  readonly isColoured: boolean;
  close(flush: () => void): Promise<void>;
  /** Called when the process exits without a close. */
  atExit(flush: () => void): void;
}

const ranks: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const colours: Record<LogLevel, number> = { debug: 90, info: 32, warn: 33, error: 31 };

/** Writes to standard output unless a sink is given. */
export const createLogger = (config: LogConfig, sink?: LogSink, options?: LoggerOptions): Logger => {
  const output = sink === undefined ? standardOutput() : givenSink(sink);
  const lines = new LineBuffer(output.sink);
  const flush = () => lines.flush();
  const isEnabled = (level: LogLevel) => ranks[level] >= ranks[config.level];
  const isColoured = options?.isColoured ?? output.isColoured;
  const bracket = (level: LogLevel) => bracketOf(level, isColoured);
  const render = config.format === 'json' ? jsonRenderer() : prettyRenderer(bracket);
  output.atExit(flush);
  return {
    format: config.format,
    isEnabled,
    log(level, message, fields) {
      if (isEnabled(level)) lines.append(render(level, message, fields ?? {}));
    },
    error(message, error) {
      lines.append(render('error', message, error === undefined ? {} : { err: describeError(error) }));
      // What comes next may be the end of the process.
      flush();
    },
    bracket,
    append: line => lines.append(line),
    flush,
    close: () => output.close(flush),
  };
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

const jsonRenderer = (): Render => {
  let line = '';
  const write = (text: string) => {
    line = text.trimEnd();
  };
  const options = {
    level: 'debug',
    base: null,
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
  (bracket: (level: LogLevel) => string): Render =>
  (level, message, fields) => {
    const { err, ...others } = fields as LogFields & { err?: ErrorDescription };
    const pairs = Object.entries(others).map(([key, value]) => ` ${key}=${wordOrQuoted(String(value))}`);
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

const givenSink = (sink: LogSink): Output => ({
  sink,
  isColoured: false,
  atExit: () => {},
  close: async flush => flush(),
});

/** Where nobody reads any more (`gatewayd | head`), lines are lost and the gateway goes on. */
const ignoreLostReader = () => {};

const standardOutput = (): Output => {
  const { stdout } = process;
  let exitListener = () => {};
  if (!stdout.listeners('error').includes(ignoreLostReader)) stdout.on('error', ignoreLostReader);
  return {
    sink: text => void stdout.write(text),
    isColoured: stdout.isTTY === true && stdout.hasColors(),
    atExit(flush) {
      exitListener = flush;
      process.once('exit', exitListener);
    },
    close(flush) {
      flush();
      process.removeListener('exit', exitListener);
      return new Promise(resolve => stdout.write('', () => resolve()));
    },
  };
};
