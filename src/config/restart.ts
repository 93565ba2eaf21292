import type { GivenTexts } from './file/settings-reader.ts';

/** Which seats a provider takes, and what it is at all. */
export const boundKeys = ['type', 'pool'] as const;

/** Settings that take effect without a restart when the file is read again. */
const isLive = (section: string, key: string): boolean =>
  section === 'scheduler' ||
  /^(pool|tenant|model)\./.test(section) ||
  (section.startsWith('provider.') && key !== '' && !boundKeys.some(bound => bound === key));

/** Returns the changes that need a restart: `[section] key`, or `[section]` for one that was added or removed. */
export const needsRestart = (before: GivenTexts, after: GivenTexts): string[] => {
  const names: string[] = [];
  for (const section of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(section), after.get(section)];
    if (isLive(section, '')) continue;
    if (was === undefined || is === undefined) names.push(`[${section}]`);
    else
      names.push(
        ...changedKeys(was, is)
          .filter(key => !isLive(section, key))
          .map(key => `[${section}] ${key}`),
      );
  }
  if (names.length === 0 && providersOf(before) !== providersOf(after)) names.push('the order of the providers');
  return names;
};

const changedKeys = (was: ReadonlyMap<string, string>, is: ReadonlyMap<string, string>): string[] =>
  [...new Set([...was.keys(), ...is.keys()])].filter(key => was.get(key) !== is.get(key));

/** Their order matters: it is the order in which they are tried for a model. */
const providersOf = (given: GivenTexts): string =>
  [...given.keys()].filter(section => section.startsWith('provider.')).join();
