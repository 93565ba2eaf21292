import { Box, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePools, useProviders } from '../api/pools.ts';
import { FleetGap } from '../parts/fleet-gap.tsx';
import { Section } from '../parts/section.tsx';
import { ErrorState, LoadingState, PageHeader } from '../parts/states.tsx';
import { EndpointTable } from './pools/endpoint-table.tsx';
import { PoolCard } from './pools/pool-card.tsx';
import { PoolPanel } from './pools/pool-panel.tsx';
import { ProviderTable, poolAnchor } from './pools/provider-table.tsx';

export default function Page() {
  const { t } = useTranslation('pools');
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')} />
      <Stack>
        <Providers />
        <Endpoints />
        <Pools />
      </Stack>
    </>
  );
}

function Providers() {
  const { t } = useTranslation('pools');
  const { data, error, refetch } = useProviders();
  return (
    <Section title={t('providers')} hint={t('providersHint')}>
      {error !== null && <ErrorState error={error} onRetry={refetch} />}
      <FleetGap fleet={data?.fleet} />
      {data !== undefined && <ProviderTable providers={data.providers} />}
      {data === undefined && error === null && <LoadingState />}
    </Section>
  );
}

/** Nothing where no provider has any, as with the loopback alone. */
function Endpoints() {
  const { t } = useTranslation('pools');
  const providers = useProviders().data?.providers ?? [];
  if (providers.every(({ endpoints }) => endpoints.length === 0)) return null;
  return (
    <Section title={t('endpoints')} hint={t('endpointsHint')}>
      <EndpointTable providers={providers} />
    </Section>
  );
}

function Pools() {
  const { data, error, refetch } = usePools();
  const providers = useProviders().data?.providers ?? [];
  const [edited, setEdited] = useState<string | null>(null);
  const pool = data?.find(({ name }) => name === edited);
  return (
    <>
      {error !== null && <ErrorState error={error} onRetry={refetch} />}
      {data === undefined && error === null && <LoadingState />}
      {data?.map(shown => (
        // Otherwise the header would cover the scroll target.
        <Box key={shown.name} id={poolAnchor(shown.name)} style={{ scrollMarginTop: 64 }}>
          <PoolCard pool={shown} providers={providers} onEdit={() => setEdited(shown.name)} />
        </Box>
      ))}
      {pool !== undefined && <PoolPanel key={pool.name} pool={pool} onClose={() => setEdited(null)} />}
    </>
  );
}
