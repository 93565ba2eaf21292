import { Badge, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconPlayerPause, IconQuestionMark } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { ShownProvider } from '../../api/providers.ts';
import { Countdown } from '../../parts/countdown.tsx';
import { useEachSecond } from '../../parts/each-second.ts';
import { Moment } from '../../parts/moment.tsx';
import { useNumbers } from '../../parts/numbers.ts';

interface HealthProps {
  readonly health: ShownProvider['health'];
}

/** The requests of the last five minutes, and how many of them failed. */
export function Requests({ health: { requests, failures } }: HealthProps) {
  const { t } = useTranslation('providers');
  const { count } = useNumbers();
  return (
    <Stack gap={0} align="flex-end">
      <Text size="sm">{t('requests', { count: requests, requests: count(requests) })}</Text>
      <Text size="xs" c={failures > 0 ? 'var(--mantine-color-error)' : 'dimmed'}>
        {t('failures', { failures: count(failures) })}
      </Text>
    </Stack>
  );
}

export function LastFailure({ health: { last_failure_at, last_failure } }: HealthProps) {
  if (last_failure_at === null) return '–';
  return (
    <>
      <Moment at={last_failure_at} />
      {last_failure !== null && (
        <Text size="xs" c="dimmed" lineClamp={2} title={last_failure}>
          {last_failure}
        </Text>
      )}
    </>
  );
}

const looks = {
  ok: { icon: IconCircleCheck, color: 'var(--mantine-color-teal-filled)' },
  failing: { icon: IconAlertTriangle, color: 'var(--mantine-color-red-filled)' },
  unknown: { icon: IconQuestionMark, color: 'var(--mantine-color-dimmed)' },
} as const;

/** How a provider does, and what it has closed. */
export function Health({ health }: HealthProps) {
  const { t } = useTranslation('providers');
  const { state, last_success_at, closed_until, closed_models, closed_models_left_out } = health;
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
      {last_success_at !== null && (
        <Text size="xs" c="dimmed" component="div">
          <Moment at={last_success_at} />
        </Text>
      )}
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
  const { t } = useTranslation('providers');
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
