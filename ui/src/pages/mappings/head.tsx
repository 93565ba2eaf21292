import { ActionIcon, Button, Group, Paper, Skeleton, Stack, Text } from '@mantine/core';
import { IconPencil, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMappingStatus, useReload } from '../../api/mappings.ts';
import { type Settings, useSettings } from '../../api/settings.ts';
import { Moment } from '../../parts/moment.tsx';
import { PriorityBadge } from '../../parts/priority.tsx';
import { SourceBadge } from '../../parts/setting-fields.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';
import classes from './mappings.module.css';
import { ModeSwitch } from './mode-switch.tsx';
import { SettingDialog, type SettingTask } from './setting-dialog.tsx';
import { useTask } from './use-task.ts';

/** Shows whether mappings are enforced, what applies without one, and when they were read. */
export function Head() {
  const settings = useSettings();
  const changing = useTask<SettingTask>();
  if (settings.isPending) return <Skeleton h={98} mb="sm" />;
  if (settings.isError) return <ErrorState error={settings.error} onRetry={settings.refetch} />;
  const { data } = settings;
  return (
    <Paper withBorder px="md" py="sm" mb="sm" className={classes.head}>
      <ModeSwitch settings={data} />
      <Values settings={data} onChange={name => changing.open({ name, settings: data })} />
      <Loaded />
      <SettingDialog task={changing} />
    </Paper>
  );
}

interface ValuesProps {
  readonly settings: Settings;
  readonly onChange: (name: SettingTask['name']) => void;
}

function Values({ settings, onChange }: ValuesProps) {
  const { t } = useTranslation('mappings');
  const value = (name: SettingTask['name'], shown: ReactNode) => (
    <Cell label={t(`setting_${name}`)}>
      <Group gap={6} wrap="nowrap" mih={30}>
        {shown}
        <SourceBadge source={settings.source[name]} />
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t('changeSetting', { name: t(`setting_${name}`) })}
          onClick={() => onChange(name)}
        >
          <IconPencil size={16} />
        </ActionIcon>
      </Group>
    </Cell>
  );
  return (
    <>
      {value('default_priority', <PriorityBadge level={settings.default_priority} />)}
      {value('cache_ttl_sec', <Text fw={600}>{t('seconds', { count: settings.cache_ttl_sec })}</Text>)}
    </>
  );
}

function Loaded() {
  const { t } = useTranslation('mappings');
  const { t: shell } = useTranslation();
  const { data, error } = useMappingStatus();
  const reload = useReload();
  const ask = () =>
    reload.mutate(undefined, {
      onSuccess: ({ reloaded_count: count, reload_time_ms: ms }) => tellDone(t('reloaded', { count, ms })),
      onError: cause => tellError(cause, shell),
    });
  return (
    <Cell label={t('cache')}>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRefresh size={14} />}
        loading={reload.isPending}
        onClick={ask}
      >
        {t('reload')}
      </Button>
      <Text size="xs" component="div" mt={4}>
        {t('lastReload')} {data?.loaded_at ? <Moment at={data.loaded_at} /> : '–'}
      </Text>
      <Text size="xs" c={data?.degraded || error ? 'red' : 'dimmed'}>
        {data && t('usableFaulty', { usable: data.usable, faulty: data.faulty })}
        {data?.degraded && ` ${t('degraded')}`}
        {error !== null && t('statusUnknown')}
      </Text>
    </Cell>
  );
}

function Cell({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <Stack gap={4}>
      <Text size="xs" c="dimmed" fw={500}>
        {label}
      </Text>
      <div>{children}</div>
    </Stack>
  );
}
