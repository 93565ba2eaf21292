import { Stack, Text } from '@mantine/core';
import { DataTable } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { usePoolShareText } from '../../parts/pool-share.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import type { Impact } from './moves.tsx';

type PoolShares = Impact['shares'][number];
type ShareChange = PoolShares['tenants'][number];

const tenantsShown = 10;

/** The shares of the pools before and after, for the changed tenants and their neighbours. */
export function ShareChanges({ impact: { shares } }: { readonly impact: Impact }) {
  return shares.map(pool => <ShareTable key={pool.pool} pool={pool} />);
}

function ShareTable({ pool: { pool, policy, share_by, tenants, tenants_left_out } }: { readonly pool: PoolShares }) {
  const { t } = useTranslation('mappings');
  const hint = policy === 'strict' ? t('sharesStrict') : t(`sharesBy_${share_by}`);
  const more = Math.max(0, tenants.length - tenantsShown) + tenants_left_out;
  return (
    <Stack gap={4} component="section" aria-label={t('sharesOf', { pool })}>
      <Text size="sm" fw={600}>
        {t('sharesOf', { pool })}
      </Text>
      <Text size="xs" c="dimmed">
        {t('sharesWhat')} {hint}
      </Text>
      <DataTable<ShareChange>
        records={tenants.slice(0, tenantsShown)}
        columns={[
          { accessor: 'tenant', title: t('tenant'), render: row => <Name {...row} /> },
          { accessor: 'before', title: t('shareBefore'), render: ({ before }) => <Standing of={before} /> },
          { accessor: 'after', title: t('shareAfter'), render: ({ after }) => <Standing of={after} /> },
        ]}
        idAccessor={({ before, after }) => JSON.stringify([before, after])}
        withTableBorder
        verticalSpacing={4}
        fz="sm"
        minHeight={0}
      />
      {more > 0 && (
        <Text size="xs" c="dimmed">
          {t('moreMoves', { more })}
        </Text>
      )}
    </Stack>
  );
}

function Name({ before, after }: ShareChange) {
  const names = [...new Set([before, after].filter(one => one !== null).map(one => one.flow_id))];
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      {names.join(' → ')}
    </Text>
  );
}

function Standing({ of: standing }: { readonly of: ShareChange['before'] }) {
  const text = usePoolShareText();
  if (standing === null) return '–';
  return (
    <>
      <PriorityBadge level={standing.level} /> {text(standing)}
    </>
  );
}
