import { Alert, Button, Paper } from '@mantine/core';
import { IconLock, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import { type ShownProvider, useMayChange, useProviders, useStoredFile } from '../api/providers.ts';
import { FleetGap } from '../parts/fleet-gap.tsx';
import { ErrorState, LoadingState, PageHeader } from '../parts/states.tsx';
import { ProviderPanel } from './providers/provider-panel.tsx';
import { ProviderTable, type Row } from './providers/provider-table.tsx';
import { Wizard } from './providers/wizard.tsx';

/** The open provider stands in the address. */
export default function Page() {
  const { t } = useTranslation('providers');
  const mayChange = useMayChange();
  const { data, error, refetch } = useProviders();
  const rows = useRows(data?.providers ?? []);
  const [isAdding, setAdding] = useState(false);
  const [params, setParams] = useSearchParams();
  const open = rows.find(({ name }) => name === params.get('edit'));
  const show = (name: string | null) => setParams(name === null ? {} : { edit: name });
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')}>
        {mayChange && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)} disabled={data === undefined}>
            {t('add')}
          </Button>
        )}
      </PageHeader>
      <FleetGap fleet={data?.fleet} />
      {!mayChange && (
        <Alert icon={<IconLock />} color="blue" mb="md">
          {t('onlyRoot')}
        </Alert>
      )}
      {error !== null && <ErrorState error={error} onRetry={refetch} />}
      {data === undefined && error === null && <LoadingState />}
      {data !== undefined && (
        <Paper withBorder>
          <ProviderTable rows={rows} onOpen={show} />
        </Paper>
      )}
      {isAdding && data !== undefined && (
        <Wizard taken={rows.map(({ name }) => name)} storesKeys={data.stores_keys} onClose={() => setAdding(false)} />
      )}
      {open !== undefined && (
        <ProviderPanel key={open.name} row={open} storesKeys={data?.stores_keys === true} onClose={() => show(null)} />
      )}
    </>
  );
}

/** Those in service, then those that are stored and are not. */
function useRows(shown: readonly ShownProvider[]): Row[] {
  const stored = useStoredFile().data?.providers ?? [];
  const known = new Set(shown.map(({ name }) => name));
  return [
    ...shown.map(one => ({ name: one.name, isOff: false, shown: one })),
    ...stored
      .filter(({ name }) => !known.has(name))
      .map(({ name, enabled }) => ({ name, isOff: enabled === false, shown: undefined })),
  ];
}
