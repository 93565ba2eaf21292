import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { useNumbers } from './numbers.ts';

/** As the gateway computes it (domain/shown/pool-share.ts). */
export interface PoolShare {
  readonly share: number | null;
  readonly behind: readonly number[];
}

/** Describes a tenant's share of its pool; with strict levels it is more than a number. */
export function usePoolShareText(): (share: PoolShare) => string {
  const { t } = useTranslation();
  const { share: percent } = useNumbers();
  return useCallback(
    ({ share, behind }) => {
      const levels = levelsText(behind);
      if (share === null) return behind.length === 0 ? t('shareFirst') : t('shareAfter', { levels });
      return behind.length === 0 ? percent(share) : t('shareBehind', { percent: percent(share), levels });
    },
    [t, percent],
  );
}

/** Returns P0, or P0, P2, or P0…P3. */
function levelsText(levels: readonly number[]): string {
  const [first = 0] = levels;
  const last = levels.at(-1) ?? first;
  const isRun = levels.length > 2 && last - first === levels.length - 1;
  return isRun ? `P${first}…P${last}` : levels.map(level => `P${level}`).join(', ');
}
