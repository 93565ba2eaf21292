import './lanes/lanes.css';
import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconZoomQuestion } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../api/live.ts';
import { PageHeader } from '../parts/states.tsx';
import { FindRequest } from './lanes/find-request.tsx';
import { LivePools } from './lanes/live-pools.tsx';
import { useRequestSearch } from './lanes/request-search.ts';
import { DatabaseState, StreamBadge, StreamLost } from './lanes/stream-state.tsx';

/** The home page: what every pool does at this moment. */
export default function Page() {
  const { t } = useTranslation('lanes');
  const [live, stream] = useLive();
  const search = useRequestSearch();
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
      <LivePools live={live} onWaiting={search.open} />
      <FindRequest search={search} pools={live.lanes?.pools.map(pool => pool.name) ?? []} />
    </>
  );
}
