import { Alert, Anchor, Text } from '@mantine/core';
import { IconStairsUp } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { MappingList } from '../../../src/http/admin/contract/contract.ts';

interface MayRaiseProps {
  /** Null or undefined: nothing to show. */
  readonly found: MappingList['external_may_raise'] | undefined;
  readonly children?: ReactNode;
}

/** Warns the operator that external tenants may choose their own level, and names the setting that prevents it. */
export function MayRaise({ found, children }: MayRaiseProps) {
  const { t } = useTranslation();
  if (!found) return null;
  return (
    <Alert variant="outline" color="yellow.8" icon={<IconStairsUp />} p="xs" mb="sm">
      <Text size="sm" component="div">
        {t('mayRaise', { tenants: found.tenants })} {t('mayRaiseSet')}{' '}
        <Anchor component={Link} href="/settings" size="sm" underline="always">
          {t('changePolicy')}
        </Anchor>
        {children}
      </Text>
    </Alert>
  );
}
