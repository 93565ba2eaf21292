/** `[gateway] workers`: the number of processes that serve the port of one gateway. */
import { availableParallelism } from 'node:os';
import type { Edition, Setting } from '../domain/vocabulary.ts';
import type { Parser } from './values.ts';

const mostWorkers = 64;

export const workerCount: Parser<number | 'auto'> = {
  allowed: `a whole number from 1 to ${mostWorkers}, or auto for one on each core`,
  parse: text => {
    if (text === 'auto') return 'auto';
    const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    return count >= 1 && count <= mostWorkers ? count : undefined;
  },
};

interface OfGateway {
  readonly edition?: Setting<Edition>;
  readonly workers?: Setting<number | 'auto'>;
}

/** SQLite is for one process: Personal has one, whatever is asked. */
export const workersOf = ({ edition, workers }: OfGateway): number => {
  if (edition?.value !== 'team' || workers === undefined) return 1;
  return workers.value === 'auto' ? Math.min(availableParallelism(), mostWorkers) : workers.value;
};

/** Null: the gateway has as many as it was asked for. */
export const workersWarning = ({ edition, workers }: OfGateway): string | null =>
  edition?.value === 'personal' && workers !== undefined && workers.value !== 1
    ? `[gateway] workers = ${workers.value}: the Personal edition is one process, and runs as one; several need edition = team`
    : null;
