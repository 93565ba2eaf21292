import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type HistoryEntry, useHistory } from '../api/history.ts';
import { isFiltered } from '../parts/filters.tsx';
import { PagedTable } from '../parts/paged-table.tsx';
import { PageHeader, TeamOnly } from '../parts/states.tsx';
import { useTableView } from '../parts/table-view.ts';
import { EntryPanel } from './history/entry-panel.tsx';
import { historyColumns } from './history/history-columns.tsx';
import { HistoryFilters } from './history/history-filters.tsx';

export default function Page() {
  const { t } = useTranslation('history');
  return (
    <TeamOnly title={t('title')}>
      <History />
    </TeamOnly>
  );
}

function History() {
  const { t } = useTranslation('history');
  const view = useTableView();
  const { object, object_id, actor, kind, from, to } = view.filters;
  const { limit, offset } = view;
  const { data, ...query } = useHistory({ object, object_id, actor, kind, from, to, limit, offset });
  const [opened, setOpened] = useState<HistoryEntry | null>(null);
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')} />
      <HistoryFilters view={view} />
      <PagedTable
        label={t('title')}
        columns={historyColumns(t, setOpened)}
        query={{ ...query, data: data && { rows: data.history, total: data.total } }}
        view={view}
        rowId={entry => entry.id}
        onOpen={setOpened}
        isFiltered={isFiltered(view)}
      />
      {opened !== null && <EntryPanel key={opened.id} entry={opened} onClose={() => setOpened(null)} />}
    </>
  );
}
