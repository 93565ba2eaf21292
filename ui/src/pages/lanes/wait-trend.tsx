import { Box } from '@mantine/core';
import { memo, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Point } from '../../../../src/http/admin/contract/live.ts';
import { Chart } from '../../parts/chart.tsx';
import { durationText } from '../../parts/duration.ts';
import { useChartColors } from './chart-colors.ts';
import { stepsOf } from './history-lines.ts';

interface Props {
  readonly level: number;
  readonly points: readonly Point[];
  readonly stepMs: number;
}

const height = 26;

/** A small chart of a level's waits in the last ten minutes; empty if no request was granted. */
export const WaitTrend = memo(function WaitTrend({ level, points, stepMs }: Props) {
  const { t } = useTranslation('lanes');
  const { first, second } = useChartColors();
  const [times, lines] = useMemo(() => {
    const steps = stepsOf(points, stepMs);
    const values = (name: 'p50' | 'p95') => steps.map(({ point }) => point?.levels[level]?.[name] ?? null);
    return [
      steps.map(({ at }) => at),
      [
        { name: 'p95', color: second, dash: [3, 2], values: values('p95') },
        { name: 'p50', color: first, values: values('p50') },
      ],
    ] as const;
  }, [level, points, stepMs, first, second]);
  const isEmpty = lines.every(line => line.values.every(value => value === null));
  return (
    <Box h={height}>
      {!isEmpty && (
        <Chart
          label={t('trendOf', { level })}
          times={times}
          lines={lines}
          height={height}
          isSmall
          leastTop={10}
          valueText={durationText}
        />
      )}
    </Box>
  );
});
