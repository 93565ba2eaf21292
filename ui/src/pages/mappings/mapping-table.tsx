import { Button, Stack, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useMappings } from '../../api/mappings.ts';
import { isFiltered } from '../../parts/filters.tsx';
import { MayRaise } from '../../parts/may-raise.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import type { TableView } from '../../parts/table-view.ts';
import { mappingColumns } from './mapping-columns.tsx';
import { listFilter, type Row } from './row.ts';
import type { Actions } from './row-actions.tsx';

interface MappingTableProps {
  readonly view: TableView;
  readonly actions: Actions & { create(): void };
}

export function MappingTable({ view, actions }: MappingTableProps) {
  const { t } = useTranslation('mappings');
  const query = useMappings(listFilter(view));
  const { data } = query;
  return (
    <Stack gap={6}>
      <MayRaise found={data?.external_may_raise} />
      <PagedTable<Row>
        label={t('title')}
        columns={mappingColumns(t, actions)}
        query={{ ...query, data: data && { rows: data.mappings, total: data.total } }}
        view={view}
        rowId={row => row.id}
        onOpen={actions.edit}
        isFiltered={isFiltered(view)}
        empty={
          <>
            <Text size="sm" c="dimmed" maw={440} ta="center">
              {t('emptyWhy')}
            </Text>
            <Button leftSection={<IconPlus size={16} />} onClick={actions.create}>
              {t('new')}
            </Button>
          </>
        }
      />
      {data !== undefined && data.checked_at === null && (
        <Text size="xs" c="dimmed" role="status">
          {t('stillChecking')}
        </Text>
      )}
    </Stack>
  );
}
