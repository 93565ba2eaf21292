import { Anchor, Badge, Box, Group, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useInViewport } from '@mantine/hooks';
import { IconBarrierBlock } from '@tabler/icons-react';
import { lazy, memo, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LivePool, Point } from '../../../../src/http/admin/contract/live.ts';
import type { WaitingFilter } from '../../api/requests.ts';
import { later } from '../../parts/later.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { LevelsTable } from './levels-table.tsx';
import { anchorOf, isQuiet, waitingIn } from './pool-figures.ts';
import { SeatsBar } from './seats-bar.tsx';
import { useClock } from './stream-state.tsx';
import { TenantsTable } from './tenants-table.tsx';

/** The chart is loaded after the figures, and space is reserved for it. */
const PoolChart = lazy(later(() => import('./pool-chart.tsx')));
const chartHeight = 306;

interface Props {
  readonly pool: LivePool;
  readonly points: readonly Point[];
  readonly stepMs: number;
  readonly onWaiting: (filter: WaitingFilter) => void;
  /** Whether a pool without traffic is folded, if there are others. */
  readonly isFoldable: boolean;
}

/** Rendered only when its pool has changed and it is visible, because there may be many. */
export function PoolCard(props: Props) {
  const { ref, inViewport } = useInViewport<HTMLDivElement>();
  const [seen, setSeen] = useState(props);
  if (inViewport && isNews(seen, props)) setSeen(props);
  return (
    <div ref={ref}>
      <Card {...seen} />
    </div>
  );
}

const isNews = (seen: Props, now: Props): boolean =>
  seen.pool !== now.pool || seen.points !== now.points || seen.isFoldable !== now.isFoldable;

const Card = memo(function Card({ isFoldable, ...props }: Props) {
  const { pool, points } = props;
  const titleId = anchorOf(pool);
  const canFold = isFoldable && isQuiet(pool, points);
  const [isShown, setIsShown] = useState(false);
  return (
    <Paper withBorder component="section" aria-labelledby={titleId}>
      <Stack gap="sm" p="sm">
        <PoolHead pool={pool} titleId={titleId} />
        <SeatsBar pool={pool} />
        {canFold && <Fold isShown={isShown} onToggle={() => setIsShown(!isShown)} />}
      </Stack>
      {(!canFold || isShown) && <PoolBody {...props} />}
    </Paper>
  );
});

function PoolBody({ pool, points, stepMs, onWaiting }: Omit<Props, 'isFoldable'>) {
  return (
    <>
      <LevelsTable pool={pool} points={points} stepMs={stepMs} onWaiting={onWaiting} />
      <Suspense fallback={<Box h={chartHeight} />}>
        <PoolChart pool={pool.name} points={points} stepMs={stepMs} />
      </Suspense>
      <TenantsTable pool={pool} />
    </>
  );
}

function Fold({ isShown, onToggle }: { readonly isShown: boolean; readonly onToggle: () => void }) {
  const { t } = useTranslation('lanes');
  return (
    <Group gap="md">
      <Text size="sm" c="dimmed">
        {t('quiet')}
      </Text>
      <Anchor component="button" type="button" size="sm" aria-expanded={isShown} onClick={onToggle}>
        {t(isShown ? 'hideLevels' : 'showLevels')}
      </Anchor>
    </Group>
  );
}

function PoolHead({ pool, titleId }: { readonly pool: LivePool; readonly titleId: string }) {
  const { t } = useTranslation('lanes');
  const { count, rate } = useNumbers();
  const clock = useClock();
  return (
    <Group justify="space-between" gap="md">
      <Group gap="xs">
        <Title order={2} size="h3" id={titleId} className="pool-title">
          {pool.name}
        </Title>
        <Badge variant="default" tt="none" fw={500} title={t(`policy_${pool.policy}_what`)}>
          {t(`policy_${pool.policy}`)}
        </Badge>
        {pool.closed_until !== null && (
          <Badge color="red.9" tt="none" fw={500} leftSection={<IconBarrierBlock size={14} />}>
            {t('closedUntil', { time: clock(pool.closed_until) })}
          </Badge>
        )}
      </Group>
      <SimpleGrid cols={{ base: 3, xs: 5 }} spacing="md" verticalSpacing={4}>
        <Figure label={t('inUse')} value={t('of', { part: count(pool.in_use), whole: count(pool.seats) })} />
        <Figure label={t('free')} value={count(pool.free)} />
        <Figure label={t('waiting')} value={count(waitingIn(pool))} />
        <Figure label={t('grantedPerSec')} value={rate(pool.granted_per_sec)} />
        <Figure label={t('refusedPerMin')} value={rate(pool.refused_per_min)} />
      </SimpleGrid>
    </Group>
  );
}

function Figure({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <Stack gap={0} miw={72}>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text fw={600} size="lg" lh={1.2}>
        {value}
      </Text>
    </Stack>
  );
}
