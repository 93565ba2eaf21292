import { Alert } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { FleetSight } from '../../../src/http/admin/contract/fleet.ts';

/** Says what of the fleet is missing in what is shown. */
export function FleetGap({ fleet }: { readonly fleet: FleetSight | undefined }) {
  const { t } = useTranslation('gateways');
  if (fleet === undefined || fleet.complete) return null;
  const names = fleet.missing.join(', ');
  const isLed = names !== '';
  return (
    <Alert color="orange" title={isLed ? t('notHeard', { names }) : t('noConductor')} role="alert" mb="md">
      {isLed ? t('notHeardWhat') : t('noConductorWhat')}
    </Alert>
  );
}
