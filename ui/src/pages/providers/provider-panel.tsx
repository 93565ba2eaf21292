import { Alert, Group, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type ShownProvider, type StoredProvider, useMayChange, useStoredProvider } from '../../api/providers.ts';
import { Facts } from '../../parts/facts.tsx';
import { SourceBadge } from '../../parts/setting-fields.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { ErrorState, LoadingState } from '../../parts/states.tsx';
import { EndpointTable } from './endpoint-table.tsx';
import { LastFailure } from './health.tsx';
import { KeyList } from './key-list.tsx';
import { ProviderActions } from './provider-actions.tsx';
import { ProviderForm } from './provider-form.tsx';
import { labelOf } from './provider-settings.ts';
import { PoolLink, type Row } from './provider-table.tsx';

interface ProviderPanelProps {
  readonly row: Row;
  readonly storesKeys: boolean;
  readonly onClose: () => void;
}

/** One provider: its endpoints, keys and settings; the form takes its place while it is edited. */
export function ProviderPanel({ row: { name, shown }, storesKeys, onClose }: ProviderPanelProps) {
  const { t } = useTranslation('providers');
  const [isEditing, setEditing] = useState(false);
  const mayChange = useMayChange();
  const { data: stored, error, refetch } = useStoredProvider(name);
  if (isEditing && stored !== undefined) return <ProviderForm stored={stored} onClose={() => setEditing(false)} />;
  const fault = shown?.fault ?? stored?.fault ?? null;
  return (
    <SidePanel opened onClose={onClose} title={name} size="xl">
      <Stack gap="lg">
        {fault !== null && (
          <Alert color="red" icon={<IconAlertTriangle />} title={t('fault')}>
            {fault}
          </Alert>
        )}
        {error !== null && <ErrorState error={error} onRetry={refetch} />}
        {mayChange && stored === undefined && error === null && <LoadingState />}
        {stored !== undefined && (
          <ProviderActions stored={stored} onEdit={() => setEditing(true)} onDeleted={onClose} />
        )}
        {shown !== undefined && <InService provider={shown} />}
        {stored !== undefined && stored.settings.type !== 'loopback' && (
          <Part of="keys">
            <KeyList stored={stored} storesKeys={storesKeys} />
          </Part>
        )}
        {stored !== undefined && <Settings stored={stored} />}
      </Stack>
    </SidePanel>
  );
}

interface PartProps {
  readonly of: 'endpoints' | 'keys' | 'settings';
  readonly children: ReactNode;
}

function Part({ of, children }: PartProps) {
  const { t } = useTranslation('providers');
  return (
    <Stack gap="xs" component="section">
      <Title order={3} size="h5">
        {t(of)}
      </Title>
      {children}
    </Stack>
  );
}

function InService({ provider }: { readonly provider: ShownProvider }) {
  const { t } = useTranslation('providers');
  const { type, pool, models, base_url, proxy, headers, health } = provider;
  const facts = [
    { name: t('key_type'), value: type },
    { name: t('pool'), value: <PoolLink name={pool} /> },
    { name: t('key_base_url'), value: base_url ?? t('noUrl') },
    { name: t('models'), value: models.join(', ') },
    { name: t('lastFailure'), value: <LastFailure health={health} /> },
    ...(proxy === null ? [] : [{ name: t('key_proxy'), value: proxy }]),
    ...(headers.length === 0 ? [] : [{ name: t('headers'), value: headers.join(', ') }]),
  ];
  return (
    <>
      <Facts facts={facts} />
      {provider.endpoints.length > 0 && (
        <Part of="endpoints">
          <EndpointTable provider={provider} />
          <Text size="xs" c="dimmed">
            {t('endpointsHint')}
          </Text>
        </Part>
      )}
    </>
  );
}

/** What somebody has set, and where. */
function Settings({ stored }: { readonly stored: StoredProvider }) {
  const { t } = useTranslation('providers');
  const { settings, sources } = stored;
  const set = Object.entries(settings).filter(([key, value]) => value !== '' && sources[key] !== 'default');
  const facts = set.map(([key, value]) => ({
    name: labelOf(key, t),
    value: (
      <Group gap="xs">
        {value}
        <SourceBadge source={sources[key] ?? 'default'} />
      </Group>
    ),
  }));
  return (
    <Part of="settings">
      <Facts facts={facts} />
    </Part>
  );
}
