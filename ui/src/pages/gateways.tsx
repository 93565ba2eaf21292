import { Stack, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { type FleetMember, type FleetShown, useFleet } from '../api/fleet.ts';
import { figure, shownFrom } from '../parts/columns.ts';
import { durationText } from '../parts/duration.ts';
import { type Numbers, useNumbers } from '../parts/numbers.ts';
import { Section } from '../parts/section.tsx';
import { ErrorState, LoadingState, PageHeader } from '../parts/states.tsx';
import { WholeTable } from '../parts/whole-table.tsx';

export default function Page() {
  const { t } = useTranslation('gateways');
  const { data, error, refetch } = useFleet();
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')} />
      {error !== null && <ErrorState error={error} onRetry={refetch} />}
      {data !== undefined && <Fleet shown={data} />}
      {data === undefined && error === null && <LoadingState />}
    </>
  );
}

function Fleet({ shown }: { readonly shown: FleetShown }) {
  const { t } = useTranslation('gateways');
  const numbers = useNumbers();
  const { fleet, epoch, members } = shown;
  const isLone = fleet === null || epoch === null;
  return (
    <Section
      title={isLone ? t('alone') : t('fleet', { fleet })}
      hint={isLone ? t('aloneHint') : t('fleetHint', { epoch: String(epoch) })}
    >
      <WholeTable
        label={t('title')}
        columns={memberColumns(t, numbers)}
        rows={members}
        rowId={member => member.member_id}
      />
    </Section>
  );
}

/** Without the mark that tells on which machine a loopback address leads to the process. */
const addressOf = (url: string): string => url.replace(/\?.*$/, '');

const memberColumns = (t: TFunction<'gateways'>, { count }: Numbers): DataTableColumn<FleetMember>[] => [
  {
    accessor: 'name',
    title: t('name'),
    render: ({ name, url, role }) => (
      <Stack gap={0} maw={{ base: 180, xs: 320 }}>
        <Text size="sm" fw={500} truncate title={name}>
          {name}
        </Text>
        {url !== null && (
          <Text size="xs" c="dimmed" truncate className="mono" title={url}>
            {addressOf(url)}
          </Text>
        )}
        <Text size="xs" hiddenFrom="xs">
          {t(`role_${role}`)}
        </Text>
      </Stack>
    ),
  },
  { accessor: 'role', title: t('role'), render: ({ role }) => t(`role_${role}`), ...shownFrom.xs },
  figure('seats', t('seats'), ({ seats }) => (seats === null ? '–' : count(seats))),
  figure('last_beat_ms', t('lastBeat'), ({ last_beat_ms }) => durationText(last_beat_ms), shownFrom.xs),
  { accessor: 'version', title: t('version'), ...shownFrom.sm },
  {
    accessor: 'member_id',
    title: t('process'),
    render: ({ member_id }) => (
      <Text size="sm" className="mono" title={member_id}>
        {member_id.slice(0, 8)}
      </Text>
    ),
    ...shownFrom.md,
  },
];
