import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runGatewayCommand } from '../../src/cli/gateway/program.ts';
import { adminKey } from './admin-key.ts';

const program = fileURLToPath(new URL('../../src/cli/gateway.ts', import.meta.url));

export interface CliRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Standard output as JSON. */
  readonly json: any;
}

interface CliOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: string | Uint8Array;
}

export type Cli = (...args: string[]) => Promise<CliRun>;

/** Runs a command line of `gateway` in this process, independent of this machine's own settings. */
export async function runCli(args: readonly string[], { env = {}, stdin = '' }: CliOptions = {}): Promise<CliRun> {
  const [out, err] = [collector(), collector()];
  const code = await runGatewayCommand(args, {
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
    stdout: out.stream,
    stderr: err.stream,
    readInput: () => Buffer.from(stdin),
    env: { HOME: '/nonexistent', ...env },
  });
  return {
    code,
    out: out.text(),
    err: err.text(),
    get json() {
      return JSON.parse(out.text());
    },
  };
}

/** A stream that is not a terminal, and the text written to it. */
function collector() {
  let text = '';
  const write = (chunk: string) => {
    text += chunk;
    return true;
  };
  return { stream: { write } as unknown as NodeJS.WriteStream, text: () => text };
}

/** The same, with the address and the admin key of a gateway. */
export const cliOf =
  (url: string, options: CliOptions = {}): Cli =>
  (...args) =>
    runCli(args, { ...options, env: { TOKLIGENCE_URL: url, TOKLIGENCE_ADMIN_KEY: adminKey, ...options.env } });

const bareEnvironment = (env: Record<string, string>) => {
  const own = Object.entries(process.env).filter(([name]) => !/^(TOKLIGENCE_|XDG_)/.test(name));
  return { ...Object.fromEntries(own), HOME: '/nonexistent', ...env };
};

export interface Terminal {
  readonly child: ChildProcess;
  /** The output so far, with ␛ for Esc. */
  readonly text: string;
  /** Resolves once the pattern was shown; rejects if the command ends without it. */
  saw(pattern: RegExp): Promise<void>;
  type(keys: string): void;
  /** The exit code of the command. */
  readonly ended: Promise<number | null>;
}

/** Runs a command in a terminal of its own of 24 lines and 100 columns, created by util-linux' `script`. */
export function inTerminal(t: TestContext, args: readonly string[], env: Record<string, string>): Terminal {
  const words = [process.execPath, program, ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qec', `stty rows 24 cols 100; exec ${words}`, '/dev/null'], {
    env: bareEnvironment({ TERM: 'xterm', ...env }),
    stdio: 'pipe',
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', chunk => (text += chunk.replaceAll('\u001b', '␛')));
  return {
    child,
    get text() {
      return text;
    },
    ended,
    type: keys => void child.stdin.write(keys),
    async saw(pattern) {
      while (!pattern.test(text)) {
        if (child.stdout.closed) throw new Error(`${pattern} was never shown: ${JSON.stringify(text)}`);
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
    },
  };
}
