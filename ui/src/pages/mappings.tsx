import { useTranslation } from 'react-i18next';
import { TeamOnly } from '../parts/states.tsx';
import { Mappings } from './mappings/mappings.tsx';

export default function Page() {
  const { t } = useTranslation('mappings');
  return (
    <TeamOnly title={t('title')}>
      <Mappings />
    </TeamOnly>
  );
}
