import { allLevels, type Level, levelCount, type Setting } from '../domain/vocabulary.ts';

/** How the text of a setting is parsed. */
export interface Key<T> {
  /** The default, as the file would spell it. */
  readonly fallback: string;
  /** Completes the sentence "must be …". */
  readonly allowed: string;
  /** Describes the spelling in addition, as in "… with commas between". */
  readonly spelling?: string;
  /** Undefined: the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
}

type ValueOf<K> = K extends Key<infer T> ? T : never;
export type Keys = Readonly<Record<string, Key<unknown>>>;
/** One value per key, with its source. */
export type Values<S extends Keys> = { readonly [K in keyof S]: Setting<ValueOf<S[K]>> };

export type Parser<T> = Omit<Key<T>, 'fallback'>;

/** An empty text means not set. */
export const optional = <T>(parser: Parser<T>): Key<T | null> => ({
  ...parser,
  fallback: '',
  spelling: `${parser.spelling ?? ''}, or empty`,
  parse: text => (text === '' ? null : parser.parse(text)),
});

export const withDefault = <T>(fallback: string, parser: Parser<T>): Key<T> => ({ fallback, ...parser });

/** There is no default; an empty text is a fault. */
export const required = <T>(parser: Parser<T>): Key<T> => ({ fallback: '', ...parser });

export const choice = <const T extends string>(options: readonly T[]): Parser<T> => ({
  allowed: options.join(' or '),
  parse: text => options.find(option => option === text),
});

export const flag: Parser<boolean> = {
  allowed: 'true or false',
  parse: text => (text === 'true' ? true : text === 'false' ? false : undefined),
};

const within = (value: number, least: number, most: number) => (value >= least && value <= most ? value : undefined);

/** A whole number, multiplied by `factor` (the units of the value in one unit of the setting). */
export const whole = (least: number, most: number, factor = 1): Parser<number> => ({
  allowed: `a whole number from ${least} to ${most}`,
  parse: text => {
    const value = /^\d{1,15}$/.test(text) ? within(Number(text), least, most) : undefined;
    return value === undefined ? undefined : value * factor;
  },
});

/** A number with at most three decimals. */
export const decimal = (least: number, most: number): Parser<number> => ({
  allowed: `a number from ${least} to ${most} with at most three decimals`,
  parse: text => (/^\d{1,15}(\.\d{1,3})?$/.test(text) ? within(Number(text), least, most) : undefined),
});

/** Seconds with at most three decimals, as milliseconds. */
export const seconds = (least: number, most: number): Parser<number> => ({
  allowed: `a number of seconds from ${least} to ${most}`,
  parse: text => {
    const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? within(Number(text), least, most) : undefined;
    return value === undefined ? undefined : Math.round(value * 1000);
  },
});

export const text = (allowed: string, pattern: RegExp): Parser<string> => ({
  allowed,
  parse: value => (pattern.test(value) ? value : undefined),
});

/** A list with commas between; every part is trimmed and none is empty. */
export const list = <T>(
  allowed: string,
  parts: (parts: string[]) => T | undefined,
  spelling = ', with commas between',
): Parser<T> => ({
  allowed,
  spelling,
  parse: value => {
    const trimmed = value.split(',').map(part => part.trim());
    return trimmed.includes('') ? undefined : parts(trimmed);
  },
});

const inTens = <T>(parts: readonly string[], { parse }: Parser<T>): readonly T[] | undefined => {
  const values = parts.map(parse).filter(value => value !== undefined);
  return parts.length === levelCount && values.length === levelCount ? values : undefined;
};

/** One value for each level. */
export const perLevel = <T>(allowed: string, parser: Parser<T>): Parser<readonly T[]> =>
  list(`ten ${allowed} for P0 … P9`, parts => inTens(parts, parser));

/** One value for each level, or one for all of them. */
export const oneOrPerLevel = <T>(parser: Parser<T>): Parser<readonly T[]> =>
  list(
    `${parser.allowed}, or ten of them for P0 … P9`,
    ([first = '', ...others]) =>
      inTens(others.length === 0 ? Array<string>(levelCount).fill(first) : [first, ...others], parser),
    ' with commas between',
  );

/** Some of the levels: `0-2`, `0,1,5-7`. */
export const someLevels: Parser<readonly Level[]> = list('levels or ranges of them such as 0-2', parts => {
  const chosen = new Set<Level>();
  for (const part of parts) {
    const [, from, to = from] = /^(\d)(?:\s*-\s*(\d))?$/.exec(part) ?? [];
    if (from === undefined || to === undefined || Number(from) > Number(to)) return undefined;
    for (const level of allLevels) if (level >= Number(from) && level <= Number(to)) chosen.add(level);
  }
  return allLevels.filter(level => chosen.has(level));
});
