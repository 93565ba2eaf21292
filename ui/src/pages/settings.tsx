import { useTranslation } from 'react-i18next';
import { PageHeader } from '../parts/states.tsx';

export default function Page() {
  const { t } = useTranslation('settings');
  return <PageHeader title={t('title')} />;
}
