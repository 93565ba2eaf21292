import { Anchor, Badge, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconPlayerPause, IconQuestionMark } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { ShownProvider } from '../../api/pools.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { Countdown } from '../../parts/countdown.tsx';
import { useEachSecond } from '../../parts/each-second.ts';
import { Moment } from '../../parts/moment.tsx';
import { type Numbers, useNumbers } from '../../parts/numbers.ts';
import { WholeTable } from '../../parts/whole-table.tsx';

export const poolAnchor = (name: string) => `pool-${name}`;

export function ProviderTable({ providers }: { readonly providers: readonly ShownProvider[] }) {
  const { t } = useTranslation('pools');
  const numbers = useNumbers();
  return (
    <WholeTable
      label={t('providers')}
      columns={providerColumns(t, numbers)}
      rows={providers}
      rowId={provider => provider.name}
      empty={t('noProviders')}
    />
  );
}

const providerColumns = (t: TFunction<'pools'>, { count }: Numbers): DataTableColumn<ShownProvider>[] => [
  {
    accessor: 'name',
    title: t('provider'),
    render: ({ name, type }) => (
      <Stack gap={0}>
        <Text size="sm" fw={500}>
          {name}
        </Text>
        <Text size="xs" c="dimmed">
          {type}
        </Text>
      </Stack>
    ),
  },
  { accessor: 'base_url', title: t('endpoint'), render: row => <Endpoint provider={row} t={t} />, ...shownFrom.lg },
  { accessor: 'pool', title: t('pool'), render: ({ pool }) => <PoolLink name={pool} />, ...shownFrom.sm },
  { accessor: 'health', title: t('health'), render: ({ health }) => <Health health={health} /> },
  figure('requests', t('lastFiveMinutes'), ({ health }) => <Requests health={health} count={count} t={t} />),
  {
    accessor: 'last_success_at',
    title: t('lastSuccess'),
    noWrap: true,
    render: ({ health }) => (health.last_success_at === null ? '–' : <Moment at={health.last_success_at} />),
    ...shownFrom.md,
  },
  {
    accessor: 'last_failure_at',
    title: t('lastFailure'),
    render: ({ health }) => <LastFailure health={health} />,
    ...shownFrom.md,
  },
];

interface EndpointProps {
  readonly provider: ShownProvider;
  readonly t: TFunction<'pools'>;
}

const Endpoint = ({ provider: { base_url, models }, t }: EndpointProps) => (
  <Stack gap={0} maw={260}>
    <Text size="sm" truncate {...(base_url === null ? {} : { className: 'mono', title: base_url })}>
      {base_url ?? t('noUrl')}
    </Text>
    <Tooltip label={models.join(', ')} multiline maw={360} disabled={models.length < 4}>
      <Text size="xs" c="dimmed" truncate>
        {t('models', { models: models.join(', ') })}
      </Text>
    </Tooltip>
  </Stack>
);

const PoolLink = ({ name }: { readonly name: string }) => (
  <Anchor href={`#${poolAnchor(name)}`} size="sm">
    {name}
  </Anchor>
);

interface RequestsProps extends HealthProps {
  readonly count: Numbers['count'];
  readonly t: TFunction<'pools'>;
}

const Requests = ({ health: { requests, failures }, count, t }: RequestsProps) => (
  <Stack gap={0} align="flex-end">
    <Text size="sm">{t('requests', { count: requests, requests: count(requests) })}</Text>
    <Text size="xs" c={failures > 0 ? 'var(--mantine-color-error)' : 'dimmed'}>
      {t('failures', { failures: count(failures) })}
    </Text>
  </Stack>
);

interface HealthProps {
  readonly health: ShownProvider['health'];
}

function LastFailure({ health: { last_failure_at, last_failure } }: HealthProps) {
  if (last_failure_at === null) return '–';
  return (
    <Stack gap={0} maw={240}>
      <Moment at={last_failure_at} />
      {last_failure !== null && (
        <Text size="xs" c="dimmed" lineClamp={2} title={last_failure}>
          {last_failure}
        </Text>
      )}
    </Stack>
  );
}

const looks = {
  ok: { icon: IconCircleCheck, color: 'var(--mantine-color-teal-filled)' },
  failing: { icon: IconAlertTriangle, color: 'var(--mantine-color-red-filled)' },
  unknown: { icon: IconQuestionMark, color: 'var(--mantine-color-dimmed)' },
} as const;

function Health({ health: { state, closed_until, closed_models, closed_models_left_out } }: HealthProps) {
  const { t } = useTranslation('pools');
  const { icon: Icon, color } = looks[state];
  const isClosed = useEachSecond(() => closed_until !== null && Date.parse(closed_until) > Date.now());
  return (
    <Stack gap={4} align="flex-start">
      <Tooltip label={t(`healthHint_${state}`)} events={{ hover: true, focus: true, touch: true }} multiline maw={280}>
        <Badge
          variant="default"
          radius="sm"
          tt="none"
          fw={500}
          tabIndex={0}
          miw="max-content"
          leftSection={<Icon size={14} color={color} />}
        >
          {t(`health_${state}`)}
        </Badge>
      </Tooltip>
      {isClosed && closed_until !== null && (
        <Group gap={4} wrap="nowrap">
          <IconPlayerPause size={14} aria-hidden />
          <Text size="xs" component="span">
            {t('closedFor')} <Countdown until={closed_until} />
          </Text>
        </Group>
      )}
      <ClosedModels models={closed_models} leftOut={closed_models_left_out} />
    </Stack>
  );
}

interface ClosedModelsProps {
  readonly models: HealthProps['health']['closed_models'];
  readonly leftOut: number;
}

/** The most names listed, and the longest name shown in full. */
const mostNamed = 10;
const mostCharacters = 60;

function ClosedModels({ models, leftOut }: ClosedModelsProps) {
  const { t } = useTranslation('pools');
  const { count } = useNumbers();
  const closed = useEachSecond(() => models.filter(one => Date.parse(one.closed_until) > Date.now()).length);
  if (closed === 0) return null;
  const names = models.slice(0, mostNamed).map(({ model }) => model.slice(0, mostCharacters));
  const all = closed + leftOut;
  return (
    <Tooltip label={names.join(', ')} events={{ hover: true, focus: true, touch: true }} multiline maw={360}>
      <Text size="xs" tabIndex={0}>
        {t('closedModels', { count: all, models: count(all) })}
      </Text>
    </Tooltip>
  );
}
