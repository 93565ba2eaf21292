import { ActionIcon, Badge, CopyButton, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconCalendarWeek, IconCheck, IconCopy, IconRocket } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Countdown } from '../../parts/countdown.tsx';
import { PriorityBadge } from '../../parts/priority.tsx';
import classes from './mappings.module.css';
import type { Row } from './row.ts';

interface CellProps {
  readonly row: Row;
}

export function TenantCell({ row: { tenant_id: id, tenant_name: name } }: CellProps) {
  const { t } = useTranslation('mappings');
  if (id === null && name === null) {
    return (
      <Text size="sm" c="dimmed">
        {t('noTenant')}
      </Text>
    );
  }
  return (
    <div className={classes.pattern}>
      <Text size="sm" fw={500}>
        {name ?? id}
      </Text>
      {name !== null && id !== null && (
        <Text size="xs" c="dimmed">
          {id}
        </Text>
      )}
    </div>
  );
}

/** An exact key is not shown in full: its hash is shortened, and a key stored in clear shows its beginning only. */
export function PatternCell({ row: { pattern, match_type } }: CellProps) {
  const { t } = useTranslation('mappings');
  const isHash = match_type === 'exact' && pattern.startsWith('sha256:');
  if (match_type !== 'exact') {
    return (
      <Text component="code" size="sm" className={`mono ${classes.pattern}`}>
        {pattern}
      </Text>
    );
  }
  return (
    <Group gap={4} wrap="nowrap">
      <Text
        component="code"
        size="sm"
        className="mono"
        style={{ whiteSpace: 'nowrap' }}
        title={isHash ? pattern : undefined}
      >
        {isHash ? `${pattern.slice(0, 15)}…` : `${pattern.slice(0, 9)}…`}
      </Text>
      {isHash ? (
        <CopyPattern pattern={pattern} />
      ) : (
        <Text size="xs" c="dimmed">
          {t('inClear')}
        </Text>
      )}
    </Group>
  );
}

function CopyPattern({ pattern }: { readonly pattern: string }) {
  const { t } = useTranslation(['mappings', 'shell']);
  return (
    <CopyButton value={pattern}>
      {({ copied, copy }) => (
        <Tooltip label={t(copied ? 'shell:copied' : 'copyHash')}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={t(copied ? 'shell:copied' : 'copyHash')}
            onClick={event => {
              event.stopPropagation();
              copy();
            }}
          >
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

interface RowSummaryProps extends CellProps {
  readonly gap?: number;
  readonly children?: ReactNode;
}

/** The tenant and the pattern, one below the other. */
export const RowSummary = ({ row, gap = 4, children }: RowSummaryProps) => (
  <Stack gap={gap}>
    <TenantCell row={row} />
    <PatternCell row={row} />
    {children}
  </Stack>
);

/** The priority in effect; if it is not the row's own, also its source and end. */
export function PriorityCell({ row }: CellProps) {
  const { t } = useTranslation('mappings');
  const { effective_source: source, effective_priority: level, priority, boost } = row;
  const isBoost = source === 'boost' && boost !== null;
  return (
    <Stack gap={2}>
      <Group gap="2px 6px">
        <PriorityBadge level={level} />
        {source !== 'row' && (
          <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            {t('insteadOf', { level: priority })}
          </Text>
        )}
      </Group>
      {isBoost && (
        <Group gap={4} wrap="nowrap" fz="xs" title={boost.reason} style={{ whiteSpace: 'nowrap' }}>
          <IconRocket size={13} style={{ flexShrink: 0 }} aria-hidden />
          {t('boostFor')} <Countdown until={boost.until} />
        </Group>
      )}
      {source === 'schedule' && (
        <Group gap={4} wrap="nowrap" fz="xs">
          <IconCalendarWeek size={13} aria-hidden />
          {t('bySchedule')}
        </Group>
      )}
    </Stack>
  );
}

/** The state of the row, and the reason if it differs from the configured one. */
export function StateCell({ row }: CellProps) {
  const { t } = useTranslation('mappings');
  const state = stateOf(row);
  const reason = row.fault ?? row.never_wins?.message ?? null;
  return (
    <Stack gap={2} align="flex-start">
      <Badge variant="dot" color={stateColors[state]} tt="none" fw={500}>
        {t(`state_${state}`)}
      </Badge>
      {reason !== null && (
        <Text size="xs" className={classes.reason}>
          {reason}
        </Text>
      )}
    </Stack>
  );
}

const stateColors = { enabled: 'teal', disabled: 'gray.5', faulty: 'red', never_wins: 'orange' } as const;

export function stateOf({ enabled, fault, never_wins }: Row): keyof typeof stateColors {
  if (!enabled) return 'disabled';
  if (fault !== null) return 'faulty';
  return never_wins === null ? 'enabled' : 'never_wins';
}
