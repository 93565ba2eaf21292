import './lanes/lanes.css';
import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconZoomQuestion } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../api/live.ts';
import { FleetGap } from '../parts/fleet-gap.tsx';
import { later } from '../parts/later.ts';
import { PageHeader } from '../parts/states.tsx';
import { LivePools } from './lanes/live-pools.tsx';
import { Raised } from './lanes/raised.tsx';
import { useRequestSearch } from './lanes/request-search.ts';
import { DatabaseState, StreamBadge, StreamLost } from './lanes/stream-state.tsx';

// Loaded when it is first opened, so that the lanes appear sooner.
const FindRequest = lazy(later(() => import('./lanes/find-request.tsx')));

/** The home page: the present state of every pool. */
export default function Page() {
  const { t } = useTranslation('lanes');
  const [live, stream] = useLive();
  const search = useRequestSearch();
  const wasOpened = useWasEver(search.isOpen);
  const isHeld = live.state === 'held';
  return (
    <>
      <PageHeader title={t('title')} hint={<StreamBadge live={live} />}>
        <Button
          variant="default"
          leftSection={isHeld ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          onClick={isHeld ? stream.resume : stream.hold}
        >
          {t(isHeld ? 'resume' : 'hold')}
        </Button>
        <Button leftSection={<IconZoomQuestion size={16} />} onClick={() => search.open()}>
          {t('find')}
        </Button>
      </PageHeader>
      <StreamLost live={live} onRetry={stream.resume} />
      <DatabaseState live={live} />
      <FleetGap fleet={live.lanes?.fleet} />
      <Raised live={live} />
      <LivePools live={live} onWaiting={search.open} />
      <Suspense>
        {wasOpened && <FindRequest search={search} pools={live.lanes?.pools.map(pool => pool.name) ?? []} />}
      </Suspense>
    </>
  );
}

function useWasEver(isSo: boolean): boolean {
  const [was, setWas] = useState(isSo);
  if (isSo && !was) setWas(true);
  return was || isSo;
}
