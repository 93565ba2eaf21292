import { Box, Button, Stack } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { usePools } from '../api/pools.ts';
import { useProviders } from '../api/providers.ts';
import { ErrorState, LoadingState, PageHeader } from '../parts/states.tsx';
import { PoolCard } from './pools/pool-card.tsx';
import { PoolPanel } from './pools/pool-panel.tsx';

export default function Page() {
  const { t } = useTranslation('pools');
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')}>
        <Button component={Link} href="/providers" variant="default">
          {t('toProviders')}
        </Button>
      </PageHeader>
      <Stack>
        <Pools />
      </Stack>
    </>
  );
}

const anchorOf = (name: string) => `pool-${name}`;

function Pools() {
  const { data, error, refetch } = usePools();
  const providers = useProviders().data?.providers ?? [];
  const [edited, setEdited] = useState<string | null>(null);
  const pool = data?.find(({ name }) => name === edited);
  const isLoaded = data !== undefined;
  // The browser has looked for the address's target before the pools were there.
  useEffect(() => {
    if (isLoaded) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }, [isLoaded]);
  return (
    <>
      {error !== null && <ErrorState error={error} onRetry={refetch} />}
      {data === undefined && error === null && <LoadingState />}
      {data?.map(shown => (
        // Otherwise the header would cover the scroll target.
        <Box key={shown.name} id={anchorOf(shown.name)} style={{ scrollMarginTop: 64 }}>
          <PoolCard pool={shown} providers={providers} onEdit={() => setEdited(shown.name)} />
        </Box>
      ))}
      {pool !== undefined && <PoolPanel key={pool.name} pool={pool} onClose={() => setEdited(null)} />}
    </>
  );
}
