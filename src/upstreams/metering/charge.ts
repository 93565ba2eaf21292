/** The charge of a request, once its answer is over: the reported usage, with estimates for the missing parts. */
import type { MeteredUsage } from '../../domain/usage.ts';
import type { AnswerReading } from './answer-reading.ts';

interface Asked {
  readonly inputEstimate: number;
  /** Output tokens that the request allows; null: no limit. */
  readonly outputLimit: number | null;
  readonly producesTokens: boolean;
}

const bytesPerToken = 4;

/** Null where there is nothing to charge: an answer that is only an error, or one that no tokens come out of. */
export function meteredUsage(reading: AnswerReading, asked: Asked): MeteredUsage | null {
  if (reading.usage.isTold) return toldUsage(reading, asked);
  if (!asked.producesTokens || (reading.outputEvents === 0 && isFruitless(reading))) return null;
  const outputTokens = reading.outputEvents || guessedOutput(reading, asked);
  return { inputTokens: asked.inputEstimate, cachedInputTokens: 0, outputTokens, isEstimated: true };
}

function toldUsage(reading: AnswerReading, asked: Asked): MeteredUsage {
  const { usage, outputEvents, outputEventsWhenTold } = reading;
  const told = usage.usage();
  const since = outputEvents - outputEventsWhenTold;
  // Usage reported before the first piece of output cannot include it.
  const counted = (outputEventsWhenTold === 0 && since > 0 ? 0 : told.outputTokens) + since;
  const isUntold = usage.outputTokens === null && counted === 0 && asked.producesTokens && !isFruitless(reading);
  return {
    inputTokens: told.inputTokens || asked.inputEstimate,
    cachedInputTokens: told.cachedInputTokens,
    outputTokens: isUntold ? guessedOutput(reading, asked) : counted,
    isEstimated: isUntold || since > 0 || told.inputTokens === 0,
  };
}

const isFruitless = ({ isEmpty, error }: AnswerReading): boolean => isEmpty || error !== null;

const guessedOutput = ({ bytes }: AnswerReading, { outputLimit }: Asked): number =>
  Math.floor(Math.min(Math.ceil(bytes / bytesPerToken), outputLimit ?? Number.POSITIVE_INFINITY));
