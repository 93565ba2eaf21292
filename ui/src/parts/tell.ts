import { notifications } from '@mantine/notifications';
import type { TFunction } from 'i18next';
import { errorText } from './states.tsx';

export const tellDone = (message: string) => notifications.show({ message, color: 'teal' });

export const tellError = (error: unknown, t: TFunction) =>
  notifications.show({ title: t('failed'), message: errorText(error, t), color: 'red', autoClose: 12_000 });
