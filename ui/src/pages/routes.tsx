import { Alert, Button, Group, Text } from '@mantine/core';
import { IconLock, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMayChange, useStoredFile } from '../api/providers.ts';
import { useRoutes, useStoredRoute } from '../api/routes.ts';
import { PagedTable } from '../parts/paged-table.tsx';
import { Section } from '../parts/section.tsx';
import { SidePanel } from '../parts/side-panel.tsx';
import { ErrorState, LoadingState, PageHeader } from '../parts/states.tsx';
import { useTableView } from '../parts/table-view.ts';
import { routeColumns } from './routes/route-columns.tsx';
import { RouteForm } from './routes/route-form.tsx';

export default function Page() {
  const { t } = useTranslation('routes');
  const mayChange = useMayChange();
  const view = useTableView();
  const { data, ...query } = useRoutes({ limit: view.limit, offset: view.offset });
  const [edited, setEdited] = useState<string | null>(null);
  const [isAdding, setAdding] = useState(false);
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')}>
        {mayChange && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
            {t('add')}
          </Button>
        )}
      </PageHeader>
      {!mayChange && (
        <Alert icon={<IconLock />} color="blue" mb="md">
          {t('onlyRoot')}
        </Alert>
      )}
      <PagedTable
        label={t('title')}
        columns={routeColumns(t, mayChange ? setEdited : null)}
        query={{ ...query, data: data && { rows: data.routes, total: data.total } }}
        view={view}
        rowId={({ name }) => name}
        empty={
          <Text size="sm" c="dimmed">
            {t('noRoutes')}
          </Text>
        }
      />
      <OutOfService onEdit={setEdited} />
      {isAdding && <RouteForm stored={null} onClose={() => setAdding(false)} />}
      {edited !== null && <Edited name={edited} onClose={() => setEdited(null)} />}
    </>
  );
}

interface EditProps {
  readonly onEdit: (name: string) => void;
}

/** Stored routes that are switched off, which the list in effect leaves out. */
function OutOfService({ onEdit }: EditProps) {
  const { t } = useTranslation('routes');
  const off = useStoredFile().data?.routes.filter(({ enabled }) => enabled === false) ?? [];
  if (off.length === 0) return null;
  return (
    <Section title={t('disabled')}>
      <Group gap="xs">
        {off.map(({ name }) => (
          <Button key={name} size="compact-sm" variant="default" onClick={() => onEdit(name)}>
            {name}
          </Button>
        ))}
      </Group>
    </Section>
  );
}

function Edited({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const { data, error, refetch } = useStoredRoute(name);
  if (data !== undefined) return <RouteForm stored={data} onClose={onClose} />;
  return (
    <SidePanel opened onClose={onClose} title={name}>
      {error === null ? <LoadingState /> : <ErrorState error={error} onRetry={refetch} />}
    </SidePanel>
  );
}
