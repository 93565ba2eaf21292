import type { NotificationData } from '@mantine/notifications';
import type { TFunction } from 'i18next';
import { later } from './later.ts';
import { errorText } from './states.tsx';

export const tellDone = (message: string): void => tell({ message, color: 'teal' });

export const tellError = (error: unknown, t: TFunction): void =>
  tell({ title: t('failed'), message: errorText(error, t), color: 'red', autoClose: 12_000 });

/** The library is loaded after the first page. */
const loadNotices = later(() => import('@mantine/notifications'));

function tell(notice: NotificationData): void {
  void loadNotices().then(({ notifications }) => notifications.show(notice));
}
