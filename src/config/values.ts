/** How the text of a setting becomes a value. */
export interface Key<T> {
  /** As it would stand in the file. */
  readonly fallback: string;
  /** Ends the sentence "must be …". */
  readonly allowed: string;
  /** Undefined: the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
}

export type Parser<T> = Omit<Key<T>, 'fallback'>;

/** An empty text means that it is not given. */
export const optional = <T>(parser: Parser<T>): Key<T | null> => ({
  fallback: '',
  allowed: `${parser.allowed}, or empty`,
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
export const list = <T>(allowed: string, parts: (parts: string[]) => T | undefined): Parser<T> => ({
  allowed,
  parse: value => {
    const trimmed = value.split(',').map(part => part.trim());
    return trimmed.includes('') ? undefined : parts(trimmed);
  },
});

export const url = (
  allowed: string,
  accepts: (url: URL) => boolean,
  normalize: (value: string) => string = value => value,
): Parser<string> => ({
  allowed,
  parse: value => {
    const parsed = URL.parse(value);
    return parsed !== null && accepts(parsed) ? normalize(value) : undefined;
  },
});
