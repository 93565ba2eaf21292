import { Alert, Stack } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Answered } from '../../api/explain.ts';
import { Outcome } from './outcome.tsx';
import classes from './path.module.css';
import { DefaultStation, HeaderStation, MappingStation } from './stations.tsx';

/** The way to a priority: the header, the mapping, the default, and the result. */
export function Path({ explanation }: { readonly explanation: Answered }) {
  const { t } = useTranslation('explain');
  const { enabled } = explanation.mapping;
  return (
    <Stack gap="sm">
      {explanation.if_enforced && (
        <Alert color="blue" icon={<IconInfoCircle />} title={t(enabled ? 'mode_shadow' : 'mode_off')}>
          {t('modeWhy')}
        </Alert>
      )}
      <ol className={classes.path} aria-label={t('path')}>
        <HeaderStation explanation={explanation} />
        <MappingStation explanation={explanation} />
        <DefaultStation explanation={explanation} />
        <Outcome explanation={explanation} />
      </ol>
    </Stack>
  );
}
