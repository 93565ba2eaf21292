import { Anchor, Badge, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { ShownProvider } from '../../api/providers.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { durationText } from '../../parts/duration.ts';
import { type Numbers, useNumbers } from '../../parts/numbers.ts';
import { SourceBadge } from '../../parts/setting-fields.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { StateBadge, states } from './endpoint-table.tsx';
import { Health, Requests } from './health.tsx';

/** A provider in service, or one of which only its name and its rows are known: switched off, or with a fault. */
export interface Row {
  readonly name: string;
  readonly isOff: boolean;
  readonly shown: ShownProvider | undefined;
}

interface ProviderTableProps {
  readonly rows: readonly Row[];
  readonly onOpen: (name: string) => void;
}

export function ProviderTable({ rows, onOpen }: ProviderTableProps) {
  const { t } = useTranslation('providers');
  const numbers = useNumbers();
  return (
    <WholeTable
      label={t('title')}
      columns={providerColumns(t, numbers, onOpen)}
      rows={rows}
      rowId={({ name }) => name}
      empty={t('noProviders')}
    />
  );
}

const providerColumns = (
  t: TFunction<'providers'>,
  { count }: Numbers,
  onOpen: ProviderTableProps['onOpen'],
): DataTableColumn<Row>[] => [
  { accessor: 'name', title: t('provider'), render: row => <Name row={row} onOpen={onOpen} /> },
  {
    accessor: 'models',
    title: t('models'),
    render: ({ shown }) => (
      <Text size="sm" truncate maw={180} title={shown?.models.join(', ')}>
        {shown?.models.join(', ') ?? '–'}
      </Text>
    ),
    ...shownFrom.lg,
  },
  {
    accessor: 'pool',
    title: t('pool'),
    render: ({ shown }) => shown && <PoolLink name={shown.pool} />,
    ...shownFrom.md,
  },
  { accessor: 'endpoints', title: t('endpoints'), render: row => <States row={row} /> },
  figure('seats', t('seatsNow'), ({ shown }) => seatsText(shown, count), { noWrap: true, ...shownFrom.sm }),
  { accessor: 'health', title: t('health'), render: ({ shown }) => shown && <Health health={shown.health} /> },
  figure('requests', t('lastFiveMinutes'), ({ shown }) => shown && <Requests health={shown.health} />, shownFrom.sm),
  figure('first_byte_ms', t('firstByte'), ({ shown }) => firstByteText(shown), { noWrap: true, ...shownFrom.lg }),
];

function Name({ row: { name, shown }, onOpen }: Pick<ProviderTableProps, 'onOpen'> & { readonly row: Row }) {
  return (
    <Stack gap={2} align="flex-start">
      <Anchor component="button" type="button" size="sm" fw={500} ta="left" onClick={() => onOpen(name)}>
        {name}
      </Anchor>
      <Group gap={6}>
        {shown !== undefined && (
          <Text size="xs" c="dimmed">
            {shown.type}
          </Text>
        )}
        <SourceBadge source={shown?.source ?? 'database'} />
      </Group>
    </Stack>
  );
}

export const PoolLink = ({ name }: { readonly name: string }) => (
  <Anchor component={Link} href={`/pools#pool-${encodeURIComponent(name)}`} size="sm">
    {name}
  </Anchor>
);

/** How many endpoints are in which state; a fault beside. */
function States({ row: { isOff, shown } }: { readonly row: Row }) {
  const { t } = useTranslation('providers');
  if (isOff)
    return (
      <Badge variant="default" radius="sm" tt="none">
        {t('disabled')}
      </Badge>
    );
  const counts = states.map(state => [state, shown?.endpoints.filter(one => one.state === state).length ?? 0] as const);
  return (
    <Stack gap={2} align="flex-start">
      {counts.map(([state, count]) => count > 0 && <StateBadge key={state} state={state} count={count} />)}
      {shown?.endpoints.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('noUrl')}
        </Text>
      )}
      {shown?.fault !== null && (
        <Badge variant="default" tt="none" leftSection={<IconAlertTriangle size={14} />}>
          {t('fault')}
        </Badge>
      )}
    </Stack>
  );
}

/** Those in use, as far as they are known, and those that its endpoints have now. */
function seatsText(provider: ShownProvider | undefined, count: Numbers['count']): string {
  if (provider === undefined || provider.endpoints.length === 0) return '–';
  const inUse = provider.endpoints.map(({ in_use }) => in_use).filter(seats => seats !== null);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const seats = count(sum(provider.endpoints.map(one => one.seats)));
  return inUse.length === 0 ? seats : `${count(sum(inUse))} / ${seats}`;
}

/** Of the endpoint with the slowest p95. */
function firstByteText(provider: ShownProvider | undefined): string {
  const times = provider?.endpoints.map(({ first_byte_ms }) => first_byte_ms) ?? [];
  const [slowest] = times.toSorted((one, other) => (other.p95 ?? -1) - (one.p95 ?? -1));
  return `${durationText(slowest?.p50 ?? null)} / ${durationText(slowest?.p95 ?? null)}`;
}
