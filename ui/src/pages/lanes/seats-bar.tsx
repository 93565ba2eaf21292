import { Progress } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LivePool } from '../../../../src/http/admin/contract/live.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { levelColor, levelTextColor } from '../../parts/priority.tsx';

/** A narrower part of the bar has no room for the level's name. */
const leastLabelledPercent = 5;

/** The seats of a pool: those in use by level, best first, then the free ones. */
export function SeatsBar({ pool, isSmall = false }: { readonly pool: LivePool; readonly isSmall?: boolean }) {
  const { t } = useTranslation('lanes');
  const { count } = useNumbers();
  // After seats were removed, more may be in use than exist.
  const seats = Math.max(pool.seats, pool.in_use, 1);
  return (
    <Progress.Root size={isSmall ? 12 : 22} radius="sm">
      {pool.levels
        .filter(({ running }) => running > 0)
        .map(({ level, running }) => {
          const percent = (running / seats) * 100;
          const words = t('levelHolds', { level, running: count(running), seats: count(pool.seats) });
          return (
            <Progress.Section key={level} value={percent} color={levelColor(level)} aria-label={words} title={words}>
              {!isSmall && percent >= leastLabelledPercent && (
                <Progress.Label c={levelTextColor(level)} fz={11}>
                  P{level}
                </Progress.Label>
              )}
            </Progress.Section>
          );
        })}
    </Progress.Root>
  );
}
