import { ActionIcon, Anchor, Group, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconKey, IconPencil, IconUserCheck, IconUserOff } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { Link } from 'wouter';
import type { User } from '../../api/users.ts';
import { Moment } from '../../parts/moment.tsx';
import { roleText, StatusBadge, statusText } from './user-words.tsx';

interface UserActions {
  readonly onEdit: (user: User) => void;
  readonly onSetActive: (user: User, isActive: boolean) => void;
}

const keysOf = ({ id }: User) => `/api-keys?user_id=${id}`;

export const userColumns = (t: TFunction<'users'>, actions: UserActions): DataTableColumn<User>[] => [
  {
    accessor: 'email',
    title: t('email'),
    render: user => (
      <>
        <Anchor
          component="button"
          type="button"
          size="sm"
          ta="left"
          onClick={() => actions.onEdit(user)}
          truncate="end"
        >
          {user.email}
        </Anchor>
        <Text size="xs" c="dimmed" hiddenFrom="sm">
          {roleText(user.role, t)} · {statusText(user.status, t)}
        </Text>
      </>
    ),
  },
  {
    accessor: 'display_name',
    title: t('displayName'),
    visibleMediaQuery: '(min-width: 62em)',
    ellipsis: true,
    render: user => user.display_name ?? '–',
  },
  {
    accessor: 'role',
    title: t('role'),
    visibleMediaQuery: '(min-width: 48em)',
    noWrap: true,
    render: user => roleText(user.role, t),
  },
  {
    accessor: 'status',
    title: t('status'),
    visibleMediaQuery: '(min-width: 48em)',
    width: 110,
    render: user => <StatusBadge status={user.status} />,
  },
  {
    accessor: 'created_at',
    title: t('since'),
    visibleMediaQuery: '(min-width: 62em)',
    noWrap: true,
    render: user => <Moment at={user.created_at} />,
  },
  {
    accessor: 'actions',
    title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
    width: 116,
    textAlign: 'right',
    render: user => <Actions user={user} t={t} {...actions} />,
  },
];

function Actions({
  user,
  t,
  onEdit,
  onSetActive,
}: UserActions & { readonly user: User; readonly t: TFunction<'users'> }) {
  const { email } = user;
  const isActive = user.status === 'active';
  return (
    <Group gap={2} justify="flex-end" wrap="nowrap">
      <Tooltip label={t('keys')}>
        <ActionIcon
          component={Link}
          href={keysOf(user)}
          variant="subtle"
          color="gray"
          aria-label={t('keysOf', { email })}
        >
          <IconKey size={17} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t('edit')}>
        <ActionIcon variant="subtle" color="gray" onClick={() => onEdit(user)} aria-label={t('editOf', { email })}>
          <IconPencil size={17} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t(isActive ? 'deactivate' : 'activate')}>
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={() => onSetActive(user, !isActive)}
          aria-label={t(isActive ? 'deactivateOf' : 'activateOf', { email })}
        >
          {isActive ? <IconUserOff size={17} /> : <IconUserCheck size={17} />}
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}
