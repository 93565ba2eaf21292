/** The exit codes of a command. Documented in docs/cli.md and at the end of `gateway --help`. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  conflict: 5,
  notFound: 6,
  notInEdition: 7,
  findings: 8,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `Exit codes:
  0  done
  1  failed, for a reason that no other code names
  2  wrong usage or configuration, or input that the gateway refuses
  3  the gateway cannot be reached, or is not ready
  4  no key, or the key is not accepted or may not do this
  5  conflict: it exists already, or was changed meanwhile
  6  there is no such thing
  7  not part of this edition
  8  done, and there is something to look at: lint has findings, or import --dry-run --exit-code has changes`;

/** Ends a command; --json shows `detail`. */
export class CliFault extends Error {
  override readonly name = 'CliFault';
  readonly exitCode: ExitCode;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(exitCode: ExitCode, message: string, detail: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.exitCode = exitCode;
    this.detail = detail;
  }
}

export const usageFault = (message: string): CliFault => new CliFault(exitCodes.usage, message);

/** Returns the exit code for an answer of the gateway that is not a success. */
export function exitCodeOf(status: number): ExitCode {
  if (status === 400 || status === 413) return exitCodes.usage;
  if (status === 401 || status === 403) return exitCodes.refused;
  if (status === 404) return exitCodes.notFound;
  if (status === 409 || status === 412) return exitCodes.conflict;
  if (status === 501) return exitCodes.notInEdition;
  return status === 502 || status === 503 || status === 504 ? exitCodes.unreachable : exitCodes.failed;
}
