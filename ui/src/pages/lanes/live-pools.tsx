import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Live } from '../../api/live.ts';
import type { WaitingFilter } from '../../api/requests.ts';
import { EmptyState, LoadingState } from '../../parts/states.tsx';
import { Boosts } from './boosts.tsx';
import { PoolCard } from './pool-card.tsx';
import { PoolList } from './pool-list.tsx';

interface Props {
  readonly live: Live;
  readonly onWaiting: (filter: WaitingFilter) => void;
}

const noPoints = [] as const;

/** Shows the stream's data, from the overview to the details. */
export function LivePools({ live, onWaiting }: Props) {
  const { t } = useTranslation('lanes');
  const { lanes, history, stepMs, clockAheadMs } = live;
  if (lanes === null) return live.state === 'lost' ? null : <LoadingState />;
  // Without a conductor nothing is known of them.
  if (lanes.pools.length === 0) return lanes.fleet?.complete === false ? null : <EmptyState text={t('noPools')} />;
  return (
    <Stack gap="md">
      {lanes.boosts.length > 0 && <Boosts boosts={lanes.boosts} clockAheadMs={clockAheadMs} />}
      {lanes.pools.length > 1 && <PoolList pools={lanes.pools} />}
      {lanes.pools.map(pool => (
        <PoolCard
          key={pool.name}
          pool={pool}
          points={history.get(pool.name) ?? noPoints}
          stepMs={stepMs}
          isFoldable={lanes.pools.length > 1}
          onWaiting={onWaiting}
        />
      ))}
    </Stack>
  );
}
