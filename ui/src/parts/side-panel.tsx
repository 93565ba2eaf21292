import { Drawer, type DrawerProps } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** A panel at the right, over the page. */
export function SidePanel(props: DrawerProps) {
  const { t } = useTranslation();
  return <Drawer position="right" closeButtonProps={{ 'aria-label': t('close') }} {...props} />;
}
