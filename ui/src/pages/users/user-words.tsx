import { Badge } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { roles, statuses } from '../../api/users.ts';

/** A row written by hand may have any role; it is shown unchanged. */
export function roleText(role: string, t: TFunction<'users'>): string {
  const known = roles.find(name => name === role);
  return known === undefined ? role : t(`role_${known}`);
}

export function statusText(status: string, t: TFunction<'users'>): string {
  const known = statuses.find(name => name === status);
  return known === undefined ? status : t(`status_${known}`);
}

export function StatusBadge({ status }: { readonly status: string }) {
  const { t } = useTranslation('users');
  const isActive = status === 'active';
  return (
    <Badge radius="sm" tt="none" variant={isActive ? 'default' : 'filled'} color="gray.7" autoContrast>
      {statusText(status, t)}
    </Badge>
  );
}

export const roleOptions = (t: TFunction<'users'>) => roles.map(value => ({ value, label: t(`role_${value}`) }));
export const statusOptions = (t: TFunction<'users'>) => statuses.map(value => ({ value, label: t(`status_${value}`) }));
