import { Stack, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Schedule, useSchedules } from '../../api/schedules.ts';
import { isFiltered } from '../../parts/filters.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import { PriorityBadge } from '../../parts/priority.tsx';
import type { TableView } from '../../parts/table-view.ts';
import { scheduleColumns } from './schedule-columns.tsx';
import type { Edited } from './schedule-values.ts';
import { mappingNames } from './shown-windows.ts';

interface MappingSchedulesProps {
  readonly query: ReturnType<typeof useSchedules>;
  readonly view: TableView;
  readonly onEdit: (edited: Edited) => void;
  readonly onDelete: (schedule: Schedule) => void;
}

export function MappingSchedules({ query, view, onEdit, onDelete }: MappingSchedulesProps) {
  const { t } = useTranslation('schedules');
  const { data, ...rest } = query;
  const columns = scheduleColumns<Schedule>(t, {
    onEdit: schedule => onEdit({ of: 'mapping', schedule }),
    onDelete,
    target: { title: t('mapping'), name: row => mappingNames(row).name, detail: row => mappingNames(row).detail },
    what: { title: t('priority'), render: ({ priority }) => <PriorityBadge level={priority} /> },
  });
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t('ofMappings')}
      </Title>
      <PagedTable
        label={t('ofMappings')}
        columns={columns}
        query={{ ...rest, data: data && { rows: data.schedules, total: data.total } }}
        view={view}
        rowId={({ id }) => id}
        isFiltered={isFiltered(view)}
      />
    </Stack>
  );
}
