/** The terminal of `gateway top`: an alternate screen, no cursor, single keys; all restored at the end. */
import type { Streams } from '../output.ts';

const enter = '\u001b[?1049h\u001b[?25l\u001b[2J';
const leave = '\u001b[?25h\u001b[?1049l';

export interface TopScreen {
  /** Fires when the user stops: q, Esc, Ctrl-C, Ctrl-D or a signal. */
  readonly stop: AbortSignal;
  readonly columns: number;
  readonly rows: number;
  draw(lines: readonly string[]): void;
  /** Calls `redraw` when the size of the terminal changes. */
  onResize(redraw: () => void): void;
  close(): void;
}

const stopKeys = new Set(['q', 'Q', '\u0003', '\u0004', '\u001b']);
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const;

export function openTopScreen({ stdin, stdout }: Streams): TopScreen {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  const letGoOfKeys = watchKeys(stdin, stop);
  for (const signal of stopSignals) process.on(signal, stop);
  let redraw = () => {};
  const onResize = () => redraw();
  stdout.on('resize', onResize);
  stdout.write(enter);
  return {
    stop: stopping.signal,
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    draw(lines) {
      const shown = lines.map(line => `${line}\u001b[K`).join('\r\n');
      stdout.write(`\u001b[H${shown}\u001b[J`);
    },
    onResize(callback) {
      redraw = callback;
    },
    close() {
      stdout.off('resize', onResize);
      for (const signal of stopSignals) process.off(signal, stop);
      letGoOfKeys();
      stdout.write(leave);
    },
  };
}

/** Reads single keys if the input is a terminal; returns a function that restores it. */
function watchKeys(stdin: NodeJS.ReadStream, stop: () => void): () => void {
  if (stdin.isTTY !== true) return () => {};
  // A chunk may hold several keys; an arrow key begins with Esc and is ignored here.
  const onKeys = (keys: string) => {
    if (stopKeys.has(keys) || (!keys.startsWith('\u001b') && [...keys].some(key => stopKeys.has(key)))) stop();
  };
  stdin.setRawMode(true);
  stdin.setEncoding('utf8').on('data', onKeys).once('end', stop).resume();
  return () => {
    stdin.off('data', onKeys).off('end', stop).pause();
    stdin.setRawMode(false);
  };
}
