import { ActionIcon, Badge, Group, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import type { ListedApiKey } from '../../api/api-keys.ts';
import { useEachSecond } from '../../parts/each-second.ts';
import { Moment } from '../../parts/moment.tsx';
import { UserLink } from '../../parts/user-link.tsx';

interface KeyColumnsOptions {
  readonly onRevoke: (key: ListedApiKey) => void;
}

/** Only the beginning of a key is stored. */
export const shownPrefix = ({ key_prefix }: Pick<ListedApiKey, 'key_prefix'>) => `${key_prefix}…`;

export const keyColumns = (t: TFunction<'apiKeys'>, options: KeyColumnsOptions): DataTableColumn<ListedApiKey>[] => [
  {
    accessor: 'key_prefix',
    title: t('key'),
    render: key => (
      <>
        <Text className="mono" size="sm">
          {shownPrefix(key)}
        </Text>
        <Text size="xs" c="dimmed" hiddenFrom="sm" truncate maw={150}>
          {key.user_email}
        </Text>
      </>
    ),
  },
  {
    accessor: 'user_email',
    title: t('user'),
    visibleMediaQuery: '(min-width: 48em)',
    noWrap: true,
    render: key => <UserLink email={key.user_email} />,
  },
  {
    accessor: 'scopes',
    title: t('scopes'),
    visibleMediaQuery: '(min-width: 75em)',
    render: ({ scopes }) => <Scopes scopes={scopes ?? []} />,
  },
  {
    accessor: 'expires_at',
    title: t('expires'),
    visibleMediaQuery: '(min-width: 48em)',
    noWrap: true,
    render: ({ expires_at }) => <Expiry at={expires_at} t={t} />,
  },
  {
    accessor: 'created_at',
    title: t('created'),
    visibleMediaQuery: '(min-width: 75em)',
    noWrap: true,
    render: ({ created_at }) => <Moment at={created_at} />,
  },
  {
    accessor: 'last_used_at',
    title: t('lastUsed'),
    width: 132,
    render: ({ last_used_at }) =>
      last_used_at === null ? (
        <Text size="sm" c="dimmed">
          {t('notSinceStart')}
        </Text>
      ) : (
        <Moment at={last_used_at} />
      ),
  },
  {
    accessor: 'actions',
    title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
    width: 56,
    textAlign: 'right',
    render: key => (
      <Tooltip label={t('revoke')}>
        <ActionIcon
          variant="subtle"
          color="gray"
          onClick={() => options.onRevoke(key)}
          aria-label={t('revokeOf', { prefix: shownPrefix(key), email: key.user_email })}
        >
          <IconTrash size={17} />
        </ActionIcon>
      </Tooltip>
    ),
  },
];

const scopesShown = 3;

function Scopes({ scopes }: { readonly scopes: readonly string[] }) {
  if (scopes.length === 0) return '–';
  const more = scopes.length - scopesShown;
  return (
    <Tooltip label={scopes.join(', ')} multiline maw={320} disabled={more <= 0}>
      <Group gap={4}>
        {scopes.slice(0, scopesShown).map(scope => (
          <Badge key={scope} variant="default" radius="sm" tt="none" fw={500} maw={140}>
            {scope}
          </Badge>
        ))}
        {more > 0 && <Text size="xs">+{more}</Text>}
      </Group>
    </Tooltip>
  );
}

function Expiry({ at, t }: { readonly at: string | null; readonly t: TFunction<'apiKeys'> }) {
  const isOver = useEachSecond(() => at !== null && Date.parse(at) <= Date.now());
  if (at === null) return t('neverExpires');
  return (
    <Stack gap={2} align="flex-start">
      {isOver && (
        <Badge color="red.9" radius="sm" tt="none" style={{ flexShrink: 0 }}>
          {t('state_expired')}
        </Badge>
      )}
      <Moment at={at} />
    </Stack>
  );
}
