import { Anchor, Badge, Box, Group, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { PoolSchedule, Schedule } from '../../api/schedules.ts';
import { shownFrom } from '../../parts/columns.ts';
import { IconButton } from '../../parts/icon-button.tsx';
import { useWeekdays, weekdaysText } from './weekdays.ts';

type AnySchedule = Schedule | PoolSchedule;

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
  columns: ColumnsOf<Row>,
): DataTableColumn<Row>[] {
  const { onEdit, onDelete, target, what } = columns;
  return [
    { accessor: 'target', title: target.title, render: row => <Target row={row} columns={columns} /> },
    { accessor: 'what', title: what.title, render: what.render, ...shownFrom.sm },
    { accessor: 'when', title: t('when'), render: row => <When schedule={row} /> },
    { accessor: 'is_open', title: t('now'), width: 110, render: row => <State schedule={row} />, ...shownFrom.sm },
    {
      accessor: 'description',
      title: t('description'),
      render: ({ description }) => <Text size="sm">{description ?? '–'}</Text>,
      ...shownFrom.md,
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

interface TargetProps<Row> {
  readonly row: Row;
  readonly columns: ColumnsOf<Row>;
}

/** On a phone, also the value. */
function Target<Row extends AnySchedule>({ row, columns: { onEdit, target, what } }: TargetProps<Row>) {
  const { t } = useTranslation('schedules');
  return (
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
  );
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
      <IconButton label={t('editOf', { id })} hint={shared('edit')} onClick={onEdit}>
        <IconPencil size={17} />
      </IconButton>
      <IconButton label={t('deleteOf', { id })} hint={shared('delete')} color="red" onClick={onDelete}>
        <IconTrash size={17} />
      </IconButton>
    </Group>
  );
}
