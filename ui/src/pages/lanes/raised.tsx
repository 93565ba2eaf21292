import { useTranslation } from 'react-i18next';
import type { Live } from '../../api/live.ts';
import { MayRaise } from '../../parts/may-raise.tsx';

/** Shows whether external tenants may raise their own requests by X-Priority, and who has done so. */
export function Raised({ live: { lanes } }: { readonly live: Live }) {
  const { t } = useTranslation('lanes');
  const { external_may_raise, raised = [], raised_by_others = 0 } = lanes?.x_priority ?? {};
  const counts = raised.map(({ flow_id, tenant_name, requests }) => `${tenant_name ?? flow_id} ${requests}`);
  if (raised_by_others > 0) counts.push(`${t('others')} ${raised_by_others}`);
  return (
    <MayRaise found={external_may_raise}>
      {counts.length > 0 && (
        <div>
          {t('raised')} {counts.join(' · ')}
        </div>
      )}
    </MayRaise>
  );
}
