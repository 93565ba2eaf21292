import { ActionIcon, Anchor, Badge, Box, Group, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { PoolSchedule, Schedule } from '../../api/schedules.ts';
import { useWeekdays, weekdaysText } from './weekdays.ts';

type AnySchedule = Schedule | PoolSchedule;
const wide = '(min-width: 62em)';
const middle = '(min-width: 48em)';

interface ColumnsOf<Row> {
  readonly onEdit: (row: Row) => void;
  readonly onDelete: (row: Row) => void;
  /** The subject of the schedule, and the value in its windows. */
  readonly target: {
    readonly title: string;
    readonly name: (row: Row) => string;
    readonly detail: (row: Row) => string;
  };
  readonly what: { readonly title: string; readonly render: (row: Row) => ReactNode };
}

/** Shared by mappings and pools, which differ in subject and value. */
export function scheduleColumns<Row extends AnySchedule>(
  t: TFunction<'schedules'>,
  { onEdit, onDelete, target, what }: ColumnsOf<Row>,
): DataTableColumn<Row>[] {
  return [
    {
      accessor: 'target',
      title: target.title,
      render: row => (
        <Stack gap={2} align="flex-start">
          <Anchor component="button" type="button" size="sm" ta="left" onClick={() => onEdit(row)}>
            {target.name(row)}
          </Anchor>
          <Text size="xs" c="dimmed" className="mono" style={{ overflowWrap: 'anywhere' }}>
            {target.detail(row)}
          </Text>
          <Box hiddenFrom="sm">{what.render(row)}</Box>
          {row.fault !== null && (
            <Text size="xs" c="var(--mantine-color-error)">
              {t('leftOut', { fault: row.fault })}
            </Text>
          )}
        </Stack>
      ),
    },
    { accessor: 'what', title: what.title, visibleMediaQuery: middle, render: what.render },
    { accessor: 'when', title: t('when'), render: row => <When schedule={row} /> },
    {
      accessor: 'is_open',
      title: t('now'),
      width: 110,
      visibleMediaQuery: middle,
      render: row => <State schedule={row} />,
    },
    {
      accessor: 'description',
      title: t('description'),
      visibleMediaQuery: wide,
      render: ({ description }) => <Text size="sm">{description ?? '–'}</Text>,
    },
    {
      accessor: 'actions',
      title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
      width: 84,
      textAlign: 'right',
      render: row => <Actions id={row.id} onEdit={() => onEdit(row)} onDelete={() => onDelete(row)} />,
    },
  ];
}

function When({ schedule: { weekdays, start, end, zone } }: { readonly schedule: AnySchedule }) {
  const { t } = useTranslation('schedules');
  const shown = useWeekdays('short');
  return (
    <Stack gap={0}>
      <Text size="sm">
        {weekdaysText(weekdays, shown)} {start}–{end}
        {end <= start && ` ${t('nextDay')}`}
      </Text>
      <Text size="xs" c="dimmed">
        {zone}
      </Text>
    </Stack>
  );
}

function State({ schedule: { is_open, fault } }: { readonly schedule: AnySchedule }) {
  const { t } = useTranslation('schedules');
  if (fault !== null) return <Badge color="red">{t('faulty')}</Badge>;
  return (
    <Badge variant={is_open ? 'filled' : 'default'} color="blue" tt="none">
      {t(is_open ? 'open' : 'closed')}
    </Badge>
  );
}

interface ActionsProps {
  readonly id: number;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
}

function Actions({ id, onEdit, onDelete }: ActionsProps) {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  return (
    <Group gap={2} justify="flex-end" wrap="nowrap">
      <Tooltip label={shared('edit')}>
        <ActionIcon variant="subtle" color="gray" onClick={onEdit} aria-label={t('editOf', { id })}>
          <IconPencil size={17} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={shared('delete')}>
        <ActionIcon variant="subtle" color="red" onClick={onDelete} aria-label={t('deleteOf', { id })}>
          <IconTrash size={17} />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
