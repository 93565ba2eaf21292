/** [log]: which lines are written, and where. */
import { resolve } from 'node:path';
import { errorKinds } from '../domain/errors.ts';
import type { OutcomeKind } from '../domain/outcome.ts';
import type { FaultList } from './file/faults.ts';
import { choice, type Key, list, optional, type Parser, text, type Values, withDefault } from './values.ts';

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
  /** Null: standard output. */
  readonly file: string | null;
  /** Where the lines of requests go, whatever the level; null: where all others go. */
  readonly accessFile: string | null;
  /** The share of the requests with this outcome that have a line, from 0 to 1; all of them if none is given. */
  readonly accessSample: Shares;
}

export type Shares = Readonly<Partial<Record<OutcomeKind, number>>>;

const outcomes: ReadonlySet<string> = new Set<OutcomeKind | string>([
  'served',
  'upstream_error',
  'client_left',
  ...Object.keys(errorKinds),
]);

const isOutcome = (word: string): word is OutcomeKind => outcomes.has(word);

/** At most six decimals: one of a million. */
const shareIn = (word: string): number | undefined =>
  /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/.test(word) ? Number(word) : undefined;

const shares: Parser<Shares> = list(
  `outcome:share, each outcome once, with a share from 0 to 1; outcomes are ${[...outcomes].join(', ')}`,
  parts => {
    const read: Partial<Record<OutcomeKind, number>> = {};
    for (const part of parts) {
      const [outcome = '', word = '', ...others] = part.split(':').map(side => side.trim());
      const share = shareIn(word);
      if (share === undefined || others.length > 0 || !isOutcome(outcome) || outcome in read) return undefined;
      read[outcome] = share;
    }
    return read;
  },
);

const path = text('a path', /^[^\0]+$/);

export const logKeys = {
  level: withDefault('info', choice(['debug', 'info', 'warn', 'error'])),
  format: optional(choice(['json', 'pretty'])),
  file: optional(path),
  access_file: optional(path),
  access_sample: optional(shares),
} satisfies Record<string, Key<unknown>>;

type LogValues = Values<typeof logKeys>;

/** Each of the two is bounded, rotated and opened anew by itself. */
export const checkLog = ({ file, access_file }: Partial<LogValues>, faults: FaultList): void => {
  const shared = pathOf(file?.value);
  if (shared !== null && shared === pathOf(access_file?.value))
    faults.add('log', 'access_file', 'must be another file than file; without it, the lines of requests are in file');
};

export const toLog = (log: LogValues, isTerminal: boolean): LogConfig => {
  const file = pathOf(log.file.value);
  const isShown = isTerminal && file === null;
  return {
    level: log.level.value,
    format: log.format.value ?? (isShown ? 'pretty' : 'json'),
    file,
    accessFile: pathOf(log.access_file.value),
    accessSample: log.access_sample.value ?? {},
  };
};

const pathOf = (value: string | null | undefined): string | null => (value ? resolve(value) : null);
