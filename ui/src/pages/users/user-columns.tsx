import { ActionIcon, Anchor, Group, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconKey, IconPencil, IconUserCheck, IconUserOff } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { Link } from 'wouter';
import type { User } from '../../api/users.ts';
import { shownFrom } from '../../parts/columns.ts';
import { IconButton } from '../../parts/icon-button.tsx';
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
    render: user => <Email user={user} t={t} onClick={() => actions.onEdit(user)} />,
  },
  {
    accessor: 'display_name',
    title: t('displayName'),
    ellipsis: true,
    render: user => user.display_name ?? '–',
    ...shownFrom.md,
  },
  { accessor: 'role', title: t('role'), noWrap: true, render: user => roleText(user.role, t), ...shownFrom.sm },
  {
    accessor: 'status',
    title: t('status'),
    width: 110,
    render: user => <StatusBadge status={user.status} />,
    ...shownFrom.sm,
  },
  {
    accessor: 'created_at',
    title: t('since'),
    noWrap: true,
    render: user => <Moment at={user.created_at} />,
    ...shownFrom.md,
  },
  {
    accessor: 'actions',
    title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
    width: 116,
    textAlign: 'right',
    render: user => <Actions user={user} t={t} {...actions} />,
  },
];

interface EmailProps {
  readonly user: User;
  readonly t: TFunction<'users'>;
  readonly onClick: () => void;
}

/** On a phone, also what the other columns say. */
const Email = ({ user: { email, role, status }, t, onClick }: EmailProps) => (
  <>
    <Anchor component="button" type="button" size="sm" ta="left" onClick={onClick} truncate="end">
      {email}
    </Anchor>
    <Text size="xs" c="dimmed" hiddenFrom="sm">
      {roleText(role, t)} · {statusText(status, t)}
    </Text>
  </>
);

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
      <IconButton label={t('editOf', { email })} hint={t('edit')} onClick={() => onEdit(user)}>
        <IconPencil size={17} />
      </IconButton>
      <IconButton
        label={t(isActive ? 'deactivateOf' : 'activateOf', { email })}
        hint={t(isActive ? 'deactivate' : 'activate')}
        onClick={() => onSetActive(user, !isActive)}
      >
        {isActive ? <IconUserOff size={17} /> : <IconUserCheck size={17} />}
      </IconButton>
    </Group>
  );
}
