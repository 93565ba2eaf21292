import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type DrawnApiKey, type ListedApiKey, useApiKeys, useRevokeApiKey } from '../api/api-keys.ts';
import { useConfirm } from '../parts/confirm.tsx';
import { FilterBar, isFiltered, SearchFilter } from '../parts/filters.tsx';
import { FullMoment } from '../parts/moment.tsx';
import { PagedTable } from '../parts/paged-table.tsx';
import { PageHeader } from '../parts/states.tsx';
import { type TableView, useTableView } from '../parts/table-view.ts';
import { tellDone, tellError } from '../parts/tell.ts';
import { UserSelect } from '../parts/user-select.tsx';
import { DrawnKey } from './api-keys/drawn-key.tsx';
import { FoundKey } from './api-keys/found-key.tsx';
import { keyColumns, shownPrefix } from './api-keys/key-columns.tsx';
import { KeyPanel } from './api-keys/key-panel.tsx';

export default function Page() {
  const { t } = useTranslation('apiKeys');
  const view = useTableView();
  const userId = wholeOf(view.filters.user_id);
  const { data, ...query } = useApiKeys({ ...view.filters, limit: view.limit, offset: view.offset });
  const [isCreating, setIsCreating] = useState(false);
  // The key is kept here while its dialog is open, and nowhere else.
  const [drawn, setDrawn] = useState<DrawnApiKey | null>(null);
  const [revoke, dialog] = useRevoking();
  // A whole key to look up: it is kept here and in its field only, and only its hash leaves the page.
  const [wholeKey, setWholeKey] = useState<string | null>(null);
  const showDrawn = (key: DrawnApiKey) => {
    setIsCreating(false);
    setDrawn(key);
  };
  return (
    <>
      {dialog}
      <PageHeader title={t('title')} hint={<Hint countedSince={data?.counted_since ?? null} />}>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setIsCreating(true)}>
          {t('create')}
        </Button>
      </PageHeader>
      <Filters view={view} userId={userId} onWholeKey={setWholeKey} />
      {wholeKey !== null && <FoundKey wholeKey={wholeKey} onRevoke={revoke} />}
      <PagedTable
        label={t('title')}
        columns={keyColumns(t, { onRevoke: revoke })}
        query={{ ...query, data: data && { rows: data.api_keys, total: data.total, about: data.total_estimated } }}
        view={view}
        rowId={key => key.id}
        isFiltered={isFiltered(view)}
      />
      {isCreating && <KeyPanel userId={userId} onClose={() => setIsCreating(false)} onDrawn={showDrawn} />}
      {drawn !== null && <DrawnKey drawn={drawn} onClose={() => setDrawn(null)} />}
    </>
  );
}

const wholeOf = (text: string | undefined): number | null => (/^\d{1,9}$/.test(text ?? '') ? Number(text) : null);

function Hint({ countedSince }: { readonly countedSince: string | null }) {
  const { t } = useTranslation('apiKeys');
  return (
    <>
      {t('hint')}{' '}
      {countedSince !== null && (
        <>
          {t('countedSince')} <FullMoment at={countedSince} />
        </>
      )}
    </>
  );
}

interface FiltersProps {
  readonly view: TableView;
  readonly userId: number | null;
  readonly onWholeKey: (key: string | null) => void;
}

/** The number of stored characters, by which a key is found. A longer input contains more of the key than is stored. */
const storedCharacters = 12;
const isBeyondBeginning = (text: string) => text.trim().length > storedCharacters;

function Filters({ view, userId, onWholeKey }: FiltersProps) {
  const { t } = useTranslation('apiKeys');
  // When the filters are reset, the typed key is removed.
  useEffect(() => () => onWholeKey(null), [onWholeKey]);
  return (
    <FilterBar view={view}>
      <SearchFilter
        view={view}
        name="q"
        label={t('search')}
        placeholder={t('searchHint')}
        isSecret={isBeyondBeginning}
        onSecret={onWholeKey}
      />
      <UserSelect
        aria-label={t('user')}
        placeholder={t('userFilter')}
        value={userId}
        onChange={id => view.setFilter('user_id', id === null ? null : String(id))}
        clearable
        w={{ base: '100%', xs: 280 }}
      />
    </FilterBar>
  );
}

/** Returns `[revoke, dialog]`: a key is revoked after the user has confirmed its owner. */
function useRevoking() {
  const { t } = useTranslation('apiKeys');
  const { t: shared } = useTranslation();
  const revoking = useRevokeApiKey();
  const [confirm, dialog] = useConfirm();
  const ask = (key: ListedApiKey) => {
    const names = { prefix: shownPrefix(key), email: key.user_email };
    confirm({
      title: t('revokeTitle'),
      text: t('revokeAsk', names),
      action: t('revoke'),
      onConfirm: () =>
        revoking.mutate(key.id, {
          onSuccess: () => tellDone(t('revoked', names)),
          onError: error => tellError(error, shared),
        }),
    });
  };
  return [ask, dialog] as const;
}
