import { Box, Progress, Text } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { TenantShare } from '../../../../src/http/admin/contract/live.ts';
import { useNumbers } from '../../parts/numbers.ts';

interface Props {
  readonly row: TenantShare;
  /** For a bar without columns of figures beside it. */
  readonly withNumbers?: boolean;
}

/** The bar is the served share, the mark the entitled one. */
export const ShareBar = memo(function ShareBar({ row, withNumbers = false }: Props) {
  const { served_share, entitled_share } = row;
  const { t } = useTranslation('lanes');
  const { percent } = useNumbers();
  const shares = { served: percent(served_share), entitled: percent(entitled_share) };
  const words = t('shareWords', shares);
  return (
    <Box title={words}>
      {withNumbers && (
        <Text size="xs" ta="right" mb={4} aria-hidden>
          {t('of', { part: shares.served, whole: shares.entitled })}
        </Text>
      )}
      <Box pos="relative">
        <Progress value={served_share * 100} size={12} radius="xs" aria-label={words} />
        <span className="share-mark" style={{ left: `calc(${Math.min(entitled_share, 1) * 100}% - 1px)` }} />
      </Box>
    </Box>
  );
});
