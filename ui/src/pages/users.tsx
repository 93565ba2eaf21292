import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../api/session.ts';
import { type User, useSaveUser, useUsers } from '../api/users.ts';
import { useConfirm } from '../parts/confirm.tsx';
import { FilterBar, isFiltered, SearchFilter, SelectFilter } from '../parts/filters.tsx';
import { PagedTable } from '../parts/paged-table.tsx';
import { PageHeader } from '../parts/states.tsx';
import { useTableView } from '../parts/table-view.ts';
import { tellDone, tellError } from '../parts/tell.ts';
import { userColumns } from './users/user-columns.tsx';
import { UserPanel } from './users/user-panel.tsx';
import { roleOptions, statusOptions } from './users/user-words.tsx';

export default function Page() {
  const { t } = useTranslation('users');
  const view = useTableView();
  const { q, role, status } = view.filters;
  const { data, ...query } = useUsers({ q, role, status, limit: view.limit, offset: view.offset });
  const [edited, setEdited] = useState<User | 'new' | null>(null);
  const [confirmDeactivation, setActive, dialog] = useActivation();
  const columns = userColumns(t, { onEdit: setEdited, onSetActive: setActive });
  return (
    <>
      {dialog}
      <PageHeader title={t('title')} hint={t('hint')}>
        <NewUser onClick={() => setEdited('new')} />
      </PageHeader>
      <FilterBar view={view}>
        <SearchFilter view={view} name="q" label={t('search')} />
        <SelectFilter view={view} name="role" label={t('role')} options={roleOptions(t)} />
        <SelectFilter view={view} name="status" label={t('status')} options={statusOptions(t)} />
      </FilterBar>
      <PagedTable
        label={t('title')}
        columns={columns}
        query={{ ...query, data: data && { rows: data.users, total: data.total } }}
        view={view}
        rowId={user => user.id}
        isFiltered={isFiltered(view)}
      />
      {edited !== null && (
        <UserPanel
          user={edited === 'new' ? null : edited}
          onClose={() => setEdited(null)}
          confirmDeactivation={confirmDeactivation}
        />
      )}
    </>
  );
}

function NewUser({ onClick }: { readonly onClick: () => void }) {
  const { t } = useTranslation('users');
  return (
    <Button leftSection={<IconPlus size={16} />} onClick={onClick}>
      {t('create')}
    </Button>
  );
}

/** Activates and deactivates accounts, the latter after a confirmation: `[ask, set, dialog]`. */
function useActivation() {
  const { t } = useTranslation('users');
  const { t: shared } = useTranslation();
  const own = useSession().user.id;
  const saving = useSaveUser();
  const [confirm, dialog] = useConfirm();
  const ask = ({ id, email }: User, onConfirm: () => void) =>
    confirm({
      title: t('deactivateOf', { email }),
      text: t(id === own ? 'deactivateSelf' : 'deactivateAsk', { email }),
      action: t('deactivate'),
      onConfirm,
    });
  const save = ({ id, email }: User, isActive: boolean) =>
    saving.mutate(
      { id, status: isActive ? 'active' : 'inactive' },
      {
        onSuccess: () => tellDone(t(isActive ? 'activated' : 'deactivated', { email })),
        onError: error => tellError(error, shared),
      },
    );
  const set = (user: User, isActive: boolean) => (isActive ? save(user, true) : ask(user, () => save(user, false)));
  return [ask, set, dialog] as const;
}
