import { Box, Center, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Point } from '../../../../src/http/admin/contract/live.ts';
import { Chart } from '../../parts/chart.tsx';
import type { ChartProps } from '../../parts/chart-props.ts';
import { durationText } from '../../parts/duration.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { useChartColors } from './chart-colors.ts';
import { stepsOf } from './history-lines.ts';
import { busiestLevel } from './pool-figures.ts';

interface Props {
  readonly pool: string;
  readonly points: readonly Point[];
  readonly stepMs: number;
}

const measures = ['waits', 'throughput', 'seats'] as const;
type Measure = (typeof measures)[number];
const height = 200;
/** Milliseconds, requests per second, requests. */
const leastTop: Record<Measure, number> = { waits: 10, throughput: 1, seats: 5 };

/** A large chart of one measure of a pool. */
export default function PoolChart({ pool, points, stepMs }: Props) {
  const { t } = useTranslation('lanes');
  const [measure, setMeasure] = useState<Measure>('waits');
  const [chosen, setChosen] = useState<number | null>(null);
  const first = useFirstLevel(points);
  // By default the busiest level is shown. Seats belong to no level's history.
  const level = measure === 'waits' ? (chosen ?? first) : measure === 'seats' ? null : chosen;
  return (
    <Stack gap="xs" p="sm">
      <Group justify="space-between" gap="sm" mih={36}>
        <Title order={3} size="h5">
          {t('lastTenMinutes')}
        </Title>
        <Group gap="xs">
          {measure !== 'seats' && (
            <PrioritySelect
              aria-label={t('levelOfChart', { pool })}
              w={120}
              size="xs"
              value={level}
              onChange={setChosen}
              {...(measure === 'throughput' ? { clearable: true, placeholder: t('allLevels') } : {})}
            />
          )}
          <SegmentedControl
            aria-label={t('measureOf', { pool })}
            size="xs"
            value={measure}
            onChange={value => setMeasure(measures.find(one => one === value) ?? 'waits')}
            data={measures.map(value => ({ value, label: t(`measure_${value}`) }))}
          />
        </Group>
      </Group>
      <Box mih={height + 36}>
        <MeasureChart pool={pool} points={points} stepMs={stepMs} measure={measure} level={level} />
      </Box>
    </Stack>
  );
}

interface MeasureChartProps extends Props {
  readonly measure: Measure;
  readonly level: number | null;
}

function MeasureChart({ pool, points, stepMs, measure, level }: MeasureChartProps) {
  const { t } = useTranslation('lanes');
  const { amount } = useNumbers();
  const chart = useLines(points, stepMs, measure, level);
  if (points.length === 0)
    return (
      <Center h={height}>
        <Text c="dimmed" size="sm">
          {t('noHistory')}
        </Text>
      </Center>
    );
  return (
    <Chart
      {...chart}
      label={t('chartOf', { pool, measure: t(`measure_${measure}`) })}
      height={height}
      leastTop={leastTop[measure]}
      valueText={measure === 'waits' ? durationText : value => (value === null ? '–' : amount(value))}
    />
  );
}

/** Chosen once, when there is data: a chart that changes by itself would be unreadable. */
function useFirstLevel(points: readonly Point[]): number {
  const [level, setLevel] = useState<number | null>(null);
  const busiest = level === null ? busiestLevel(points) : level;
  if (level === null && busiest !== null) setLevel(busiest);
  return busiest ?? 0;
}

function useLines(
  points: readonly Point[],
  stepMs: number,
  measure: Measure,
  level: number | null,
): Pick<ChartProps, 'times' | 'lines'> {
  const { t } = useTranslation('lanes');
  const { first, second } = useChartColors();
  return useMemo(() => {
    const steps = stepsOf(points, stepMs);
    const perSecond = (value: number) => value / (stepMs / 1_000);
    const ofLevel = (point: Point) => (level === null ? point : point.levels[level]);
    const values: Record<Measure, readonly [Value, Value]> = {
      waits: [point => point.levels[level ?? 0]?.p50, point => point.levels[level ?? 0]?.p95],
      throughput: [point => perSecond(ofLevel(point)?.granted ?? 0), point => perSecond(ofLevel(point)?.refused ?? 0)],
      seats: [point => point.in_use, point => point.waiting],
    };
    const line = (value: Value) => steps.map(({ point }) => (point === null ? null : (value(point) ?? null)));
    return {
      times: steps.map(({ at }) => at),
      lines: [
        { name: t(`line_${measure}_1`), color: first, values: line(values[measure][0]) },
        { name: t(`line_${measure}_2`), color: second, dash: [6, 3], values: line(values[measure][1]) },
      ],
    };
  }, [points, stepMs, measure, level, t, first, second]);
}

type Value = (point: Point) => number | null | undefined;
