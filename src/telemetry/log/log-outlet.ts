/**
 * Writes the bytes of the log without blocking the event loop:
 *
 *   pipe, socket, terminal   written without blocking; EAGAIN reports bytes that do not fit
 *   file                     written by a thread of libuv's pool, because a file always blocks
 *
 * `process.stdout` is not used: it buffers without a bound what a pipe does not take, blocks on a stopped terminal,
 * and is closed for good by a full disk.
 */
import { close, constants, fstatSync, open, openSync, write, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';

export interface Outlet {
  readonly isColoured: boolean;
  /** Equal for two that write to one file or pipe, whatever it is called; null: a terminal, another device, or none. */
  readonly place: string | null;
  /** Returns the number of bytes written, at once or later; throws or rejects if none were. */
  write(bytes: Buffer): number | Promise<number>;
  /** The same for the last moments of a process, when nothing is called back any more. May block. */
  writeNow(bytes: Buffer): number;
  close(): void;
}

/** Takes whole lines, many at a time. */
export type LogSink = (text: string) => void;

const plain = { isColoured: false, place: null, close: () => {} };

export const sinkOutlet = (sink: LogSink): Outlet => {
  const take = (bytes: Buffer) => {
    sink(bytes.toString());
    return bytes.length;
  };
  return { ...plain, write: take, writeNow: take };
};

/** Windows knows neither of the last two. */
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;

/** For a descriptor that never blocks. */
const directOutlet = (fd: number): Outlet => {
  const take = (bytes: Buffer) => writeSync(fd, bytes);
  return { ...plain, write: take, writeNow: take };
};

/**
 * For a descriptor that may block.
 *
 * @public A test's process of its own imports it.
 */
export const pooledOutlet = (fd: number): Outlet => ({
  ...plain,
  write: bytes =>
    new Promise((resolve, reject) => {
      write(fd, bytes, (error, written) => (error === null ? resolve(written) : reject(error)));
    }),
  writeNow: bytes => writeSync(fd, bytes),
});

/** If the reader has gone (`gatewayd | head`), the output is lost and the gateway continues. */
const ignoreLostReader = () => {};

export const standardOutlet = (stream: NodeJS.WriteStream & { readonly fd: number }): Outlet => {
  // Being asked for, a stream has made its pipe or socket non-blocking.
  if (!stream.listeners('error').includes(ignoreLostReader)) stream.on('error', ignoreLostReader);
  const isColoured = stream.isTTY === true && stream.hasColors();
  const outlet = (process.platform === 'win32' ? pooledOutlet : unixOutlet)(stream.fd);
  return { ...outlet, isColoured, place: placeOf(stream.fd) };
};

const unixOutlet = (fd: number): Outlet => {
  const stats = fstatSync(fd);
  if (!stats.isFIFO() && !stats.isSocket() && !isatty(fd)) return pooledOutlet(fd);
  try {
    // A file description of our own: other holders of a shared one may make it blocking again, and a terminal's always
    // is.
    return directOutlet(openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY));
  } catch {
    // No /proc, a socket, or a pipe of another account.
    return isatty(fd) ? pooledOutlet(fd) : directOutlet(fd);
  }
};

const appending = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;
/** Like all our files: request lines contain tenants and addresses. */
const mode = 0o600;

/** The file of the log cannot be opened; the message says why. */
export class LogFileFault extends Error {
  override readonly name = 'LogFileFault';
  readonly path: string;

  constructor(path: string, reason: string, cause?: unknown) {
    super(`${path} cannot be opened: ${reason}`, { cause });
    this.path = path;
  }
}

/** Creates the file where it is missing. Throws `LogFileFault`. */
export const openLogFile = (path: string): Outlet => {
  try {
    return fileOutlet(openSync(path, appending, mode));
  } catch (error) {
    throw asFault(path, error);
  }
};

/** The same while requests are served: the file system may hang. */
export const reopenLogFile = async (path: string): Promise<Outlet> => {
  try {
    return fileOutlet(await promisify(open)(path, appending, mode));
  } catch (error) {
    throw asFault(path, error);
  }
};

const fileOutlet = (fd: number): Outlet => {
  // A FIFO or a device may be named as well, and those do not block, as they were opened.
  const stats = fstatSync(fd);
  const outlet = stats.isFIFO() || stats.isCharacterDevice() ? directOutlet(fd) : pooledOutlet(fd);
  return { ...outlet, place: placeOf(fd), close: () => close(fd, () => {}) };
};

const placeOf = (fd: number): string | null => {
  // There the number of a file is not always its own.
  if (process.platform === 'win32') return null;
  const stats = fstatSync(fd, { bigint: true });
  return stats.isCharacterDevice() ? null : `${stats.dev}:${stats.ino}`;
};

const reasons: Record<string, string> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of its path is no folder',
  EACCES: 'it may not be written',
  EPERM: 'it may not be written',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
  ENXIO: 'it is a pipe that nobody reads, or a socket',
  ENOSPC: 'the disk is full',
};

const asFault = (path: string, error: unknown): LogFileFault => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new LogFileFault(path, reasons[code] ?? code, error);
};
