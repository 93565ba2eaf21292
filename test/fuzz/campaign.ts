import type { Random } from '../../bench/sim/random.ts';

/** One kind of input that is sent to the gateway. */
export interface Campaign {
  readonly name: string;
  /** Its share of the time, among all campaigns that run. */
  readonly share: number;
  start(): Promise<Running>;
}

export interface Running {
  /**
   * Runs some cases with all randomness from `random`; resolves to their number. Throws a `Finding` if a check fails.
   */
  step(random: Random): Promise<number>;
  /** Checks once more the conditions at the end. */
  stop(): Promise<void>;
}

/** A failed check, and its input. */
export class Finding extends Error {
  override readonly name = 'Finding';
  readonly input: Buffer;

  constructor(what: string, input: Buffer | string, cause?: unknown) {
    super(what, { cause });
    this.input = Buffer.from(input as string);
  }
}
