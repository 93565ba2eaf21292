/** The members of a reign. */
export type MemberId = string;

/** A process on the list. */
export interface Listed {
  readonly id: MemberId;
  readonly name: string;
  readonly url: string;
  readonly version: string;
  /** When it started, ISO 8601. */
  readonly since: string;
}

export const has = (list: readonly Listed[], id: MemberId): boolean => list.some(listed => listed.id === id);

/** Both lists, each member once. */
export const joined = (list: readonly Listed[], more: readonly Listed[]): readonly Listed[] => {
  const news = more.filter(listed => !has(list, listed.id));
  return news.length === 0 ? list : [...list, ...news];
};

/**
 * The order in which members may take over a released row: newest version first, then the youngest, so that a rolling
 * upgrade moves it twice.
 */
export const heirs = (list: readonly Listed[]): readonly Listed[] =>
  list.toSorted((a, b) => byVersion(b.version, a.version) || compare(b.since, a.since) || compare(a.id, b.id));

const byVersion = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
