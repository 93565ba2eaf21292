import { Badge, Button, Stack, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { type ShownEndpoint, type ShownProvider, useMoveEndpoint } from '../../api/providers.ts';
import { useSession } from '../../api/session.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { durationText } from '../../parts/duration.ts';
import { Moment } from '../../parts/moment.tsx';
import { type Numbers, useNumbers } from '../../parts/numbers.ts';
import { tellError } from '../../parts/tell.ts';
import { WholeTable } from '../../parts/whole-table.tsx';

interface Row extends ShownEndpoint {
  readonly provider: string;
}

/** The URLs of a provider: whether they are up, and a button that takes one out of service. */
export function EndpointTable({ provider: { name, endpoints } }: { readonly provider: ShownProvider }) {
  const { t } = useTranslation('providers');
  const numbers = useNumbers();
  const mayDrain = useSession().user.role === 'root_admin';
  const rows = endpoints.map(one => ({ ...one, provider: name }));
  const columns = endpointColumns(t, numbers);
  return (
    <WholeTable
      label={t('endpoints')}
      columns={mayDrain ? [...columns, actionColumn(t)] : columns}
      rows={rows}
      rowId={({ id }) => id}
      empty={t('noUrl')}
    />
  );
}

const endpointColumns = (t: TFunction<'providers'>, { count }: Numbers): DataTableColumn<Row>[] => [
  {
    accessor: 'id',
    title: t('endpointOne'),
    render: ({ id }) => (
      <Text size="sm" className="mono" truncate title={id} maw={{ base: 110, xs: 220 }}>
        {id}
      </Text>
    ),
  },
  { accessor: 'state', title: t('state'), render: row => <State row={row} /> },
  figure('seats', t('seatsNow'), ({ seats, in_use }) =>
    in_use === null ? count(seats) : `${count(in_use)} / ${count(seats)}`,
  ),
  figure('failures', t('failuresAll'), ({ failures }) => count(failures), shownFrom.sm),
  figure(
    'first_byte_ms',
    t('firstByte'),
    ({ first_byte_ms: { p50, p95 } }) => `${durationText(p50)} / ${durationText(p95)}`,
    { noWrap: true, ...shownFrom.lg },
  ),
];

const actionColumn = (t: TFunction<'providers'>): DataTableColumn<Row> => ({
  accessor: 'action',
  title: '',
  textAlign: 'right',
  render: row => <Move row={row} t={t} />,
});

interface RowProps {
  readonly row: Row;
  readonly t: TFunction<'providers'>;
}

const colors = { up: 'teal', probing: 'yellow', down: 'red', drained: 'gray' } as const;
export const states = ['up', 'probing', 'down', 'drained'] as const;

interface StateBadgeProps {
  readonly state: ShownEndpoint['state'];
  /** Of how many endpoints. */
  readonly count?: number;
}

export function StateBadge({ state, count }: StateBadgeProps) {
  const { t } = useTranslation('providers');
  return (
    <Badge variant="dot" color={colors[state]} radius="sm" tt="none" fw={500} miw="max-content">
      {count !== undefined && `${count} `}
      {t(`state_${state}`)}
    </Badge>
  );
}

const State = ({ row: { state, since, why } }: { readonly row: Row }) => (
  <Stack gap={2} align="flex-start" maw={260}>
    <StateBadge state={state} />
    <Text size="xs" c="dimmed" component="div">
      <Moment at={since} />
    </Text>
    {why !== null && state !== 'drained' && (
      <Text size="xs" c="dimmed" lineClamp={2} title={why}>
        {why}
      </Text>
    )}
  </Stack>
);

/** Drains an endpoint, or ends that. */
function Move({ row: { provider, id, state }, t }: RowProps) {
  const { t: common } = useTranslation();
  const act = state === 'drained' ? 'resume' : 'drain';
  const move = useMoveEndpoint();
  return (
    <Button
      variant="default"
      size="compact-sm"
      aria-label={t(`of_${act}`, { endpoint: id })}
      loading={move.isPending}
      onClick={() => move.mutate({ provider, id, act }, { onError: error => tellError(error, common) })}
    >
      {t(act)}
    </Button>
  );
}
