import type { Random } from '../../bench/sim/random.ts';

/** One kind of input that is thrown at the gateway. */
export interface Campaign {
  readonly name: string;
  /** Share of the time that it gets, among all that run. */
  readonly share: number;
  start(): Promise<Running>;
}

export interface Running {
  /** Some cases, all chance from `random`; answers how many. Throws a `Finding` where something does not hold. */
  step(random: Random): Promise<number>;
  /** Looks once more at what must hold in the end. */
  stop(): Promise<void>;
}

/** What was found, and the input that it takes. */
export class Finding extends Error {
  override readonly name = 'Finding';
  readonly input: Buffer;

  constructor(what: string, input: Buffer | string, cause?: unknown) {
    super(what, { cause });
    this.input = Buffer.from(input as string);
  }
}
