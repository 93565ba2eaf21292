import { Badge, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconRestore } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ShownPool } from '../../../src/http/admin/contract/pool.ts';
import { IconButton } from './icon-button.tsx';

export type Source = ShownPool['source'][keyof ShownPool['source']];

const colors: { readonly [S in Source]: string } = {
  schedule: 'var(--mantine-color-grape-filled)',
  database: 'var(--mantine-color-blue-filled)',
  environment: 'var(--mantine-color-dimmed)',
  file: 'var(--mantine-color-dimmed)',
  default: 'transparent',
};

/** The source of a value. The default is shown quietly. */
export function SourceBadge({ source }: { readonly source: Source }) {
  const { t } = useTranslation('settings');
  const isSet = source !== 'default';
  return (
    <Tooltip label={t(`sourceHint_${source}`)} multiline maw={280}>
      <Badge
        size="sm"
        radius="sm"
        tt="none"
        fw={500}
        px={isSet ? 6 : 0}
        style={{ flexShrink: 0 }}
        {...(isSet
          ? { variant: 'default', leftSection: <Dot source={source} /> }
          : { variant: 'transparent', c: 'dimmed' })}
      >
        {t(`source_${source}`)}
      </Badge>
    </Tooltip>
  );
}

const Dot = ({ source }: { readonly source: Source }) => (
  <span
    style={{
      display: 'inline-block',
      width: 6,
      height: 6,
      borderRadius: 3,
      background: colors[source],
    }}
  />
);

interface ResetProps {
  /** The name of the setting. */
  readonly label: string;
  readonly source: Source;
  readonly onReset: () => void;
  readonly isBusy?: boolean;
}

/** Deletes the stored value; shown only if one is stored. */
export function ResetSetting({ label, source, onReset, isBusy = false }: ResetProps) {
  const { t } = useTranslation('settings');
  if (source !== 'database') return null;
  return (
    <IconButton
      label={t('backToConfiguredOf', { setting: label })}
      hint={t('backToConfigured')}
      size="sm"
      onClick={onReset}
      loading={isBusy}
    >
      <IconRestore size={16} />
    </IconButton>
  );
}

interface SettingFieldProps extends ResetProps {
  readonly hint?: ReactNode;
  /** The control; its own `aria-label` names it. */
  readonly children: ReactNode;
}

/** One setting: its name, the source of its value, the reset button, and the control with the gateway's error. */
export function SettingField({ hint, children, ...reset }: SettingFieldProps) {
  return (
    <Stack gap={4}>
      <Group gap="xs" mih={26}>
        <Text size="sm" fw={600}>
          {reset.label}
        </Text>
        <SourceBadge source={reset.source} />
        <ResetSetting {...reset} />
      </Group>
      {hint !== undefined && (
        <Text size="xs" c="dimmed">
          {hint}
        </Text>
      )}
      {children}
    </Stack>
  );
}
