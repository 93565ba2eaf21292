import { Alert, Switch, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { isKeyInClear } from './exact-key.ts';
import type { Values } from './row.ts';

interface HashSwitchProps {
  readonly values: Values;
  readonly isWanted: boolean;
  readonly onWanted: (isWanted: boolean) => void;
}

/** For one whole key: its hash works as well, and readers of the table do not learn the key. */
export function HashSwitch({ values, isWanted, onWanted }: HashSwitchProps) {
  const { t } = useTranslation('mappings');
  if (values.match_type !== 'exact') return null;
  const isInClear = isKeyInClear(values) && !isWanted;
  return (
    <>
      {!values.pattern.startsWith('sha256:') && (
        <Switch
          label={t('storeHash')}
          description={t('storeHashHint')}
          checked={isWanted}
          onChange={event => onWanted(event.currentTarget.checked)}
        />
      )}
      {isInClear && (
        <Alert color="orange" icon={<IconAlertTriangle />} p="xs">
          <Text size="sm">{t('inClearWarning')}</Text>
        </Alert>
      )}
    </>
  );
}
