import { Box, Progress } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TenantShare } from '../../../../src/http/admin/live-contract.ts';
import { useNumbers } from '../../parts/numbers.ts';

/** The bar is what was served, the mark what the tenant is entitled to. */
export function ShareBar({ row: { served_share, entitled_share } }: { readonly row: TenantShare }) {
  const { t } = useTranslation('lanes');
  const { percent } = useNumbers();
  const words = t('shareWords', { served: percent(served_share), entitled: percent(entitled_share) });
  return (
    <Box pos="relative" title={words}>
      <Progress value={served_share * 100} size={12} radius="xs" aria-label={words} />
      <span className="share-mark" style={{ left: `calc(${Math.min(entitled_share, 1) * 100}% - 1px)` }} />
    </Box>
  );
}
