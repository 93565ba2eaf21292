import { Progress } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LivePool } from '../../../../src/http/admin/contract/live-contract.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { levelColor, levelTextColor } from '../../parts/priority.tsx';

/** Narrower than this part of the bar, and the level's name does not fit. */
const leastLabelledPercent = 5;

/** The seats of a pool, those in use by level, best first; the rest is free. */
export function SeatsBar({ pool, isSmall = false }: { readonly pool: LivePool; readonly isSmall?: boolean }) {
  const { t } = useTranslation('lanes');
  const { count } = useNumbers();
  // After seats were taken away, more may be in use than there are.
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
