import { type Command, InvalidArgumentError } from 'commander';
import { type AdminClient, adminClient } from './client.ts';
import { CliFault, type ExitCode } from './exit.ts';
import { jsonText, type Streams } from './output.ts';
import { readTarget, type TargetFlags } from './target.ts';

/** The parameters of every command: a gateway to talk to, and output. */
export interface Session {
  readonly streams: Streams;
  readonly json: boolean;
  /** Reads address and key at the first call, because some commands need none. */
  gateway(): AdminClient;
  /** Prints the answer as JSON if that was requested, else in words. */
  show(answer: unknown, words: () => string): void;
  write(text: string): void;
  /** Prints warnings and remarks for people on standard error. */
  note(text: string): void;
  /** Ends the command with this exit code, without an error. */
  endWith(code: ExitCode): void;
}

interface GlobalFlags extends TargetFlags {
  readonly json?: true;
  readonly timeout: number;
}

export type SessionOf = (command: Command) => Session;

export const sessions =
  (streams: Streams, endWith: (code: ExitCode) => void): SessionOf =>
  command => {
    const flags = command.optsWithGlobals<GlobalFlags>();
    const json = flags.json === true;
    let client: AdminClient | null = null;
    const write = (text: string) => void streams.stdout.write(text);
    return {
      streams,
      json,
      gateway: () => (client ??= adminClient(readTarget(flags, streams), flags.timeout * 1_000)),
      show: (answer, words) => write(json ? jsonText(answer) : words()),
      write,
      note: text => void streams.stderr.write(`${text}\n`),
      endWith,
    };
  };

/** Parses an argument that must be a whole number in a range. */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < minimum || number > maximum) {
      throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`);
    }
    return number;
  };

export const rowId = wholeNumber(1, 2 ** 31 - 1);
export const rowIds = (text: string, earlier: readonly number[] | undefined): number[] => [
  ...(earlier ?? []),
  rowId(text),
];

/** Collects the values of an option that may be repeated. */
export const repeated = (text: string, earlier: readonly string[] | undefined): string[] => [...(earlier ?? []), text];

/** Runs one action after the other; a fault names the ones that were done before it. */
export async function eachOf(ids: readonly number[], act: (id: number) => Promise<unknown>): Promise<void> {
  const done: number[] = [];
  for (const id of ids) {
    try {
      await act(id);
    } catch (error) {
      if (!(error instanceof CliFault) || done.length === 0) throw error;
      throw new CliFault(error.exitCode, `${error.message} Done before it: ${done.join(', ')}.`, {
        ...error.detail,
        done,
      });
    }
    done.push(id);
  }
}
