import { Badge, Group, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import type { ListedApiKey } from '../../api/api-keys.ts';
import { shownFrom } from '../../parts/columns.ts';
import { useEachSecond } from '../../parts/each-second.ts';
import { IconButton } from '../../parts/icon-button.tsx';
import { Moment } from '../../parts/moment.tsx';
import { UserLink } from '../../parts/user-link.tsx';

interface KeyColumnsOptions {
  readonly onRevoke: (key: ListedApiKey) => void;
}

/** Only the beginning of a key is stored. */
export const shownPrefix = ({ key_prefix }: Pick<ListedApiKey, 'key_prefix'>) => `${key_prefix}…`;

export const keyColumns = (t: TFunction<'apiKeys'>, options: KeyColumnsOptions): DataTableColumn<ListedApiKey>[] => [
  { accessor: 'key_prefix', title: t('key'), render: key => <Prefix listed={key} /> },
  {
    accessor: 'user_email',
    title: t('user'),
    noWrap: true,
    render: key => <UserLink email={key.user_email} />,
    ...shownFrom.sm,
  },
  { accessor: 'scopes', title: t('scopes'), render: key => <Scopes scopes={key.scopes ?? []} />, ...shownFrom.lg },
  {
    accessor: 'expires_at',
    title: t('expires'),
    noWrap: true,
    render: ({ expires_at }) => <Expiry at={expires_at} t={t} />,
    ...shownFrom.sm,
  },
  {
    accessor: 'created_at',
    title: t('created'),
    noWrap: true,
    render: ({ created_at }) => <Moment at={created_at} />,
    ...shownFrom.lg,
  },
  {
    accessor: 'last_used_at',
    title: t('lastUsed'),
    width: 132,
    render: key => <LastUse at={key.last_used_at} t={t} />,
  },
  {
    accessor: 'actions',
    title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
    width: 56,
    textAlign: 'right',
    render: key => <Revoke listed={key} t={t} onClick={() => options.onRevoke(key)} />,
  },
];

interface KeyProps {
  readonly listed: ListedApiKey;
}

/** On a phone, also the owner. */
const Prefix = ({ listed }: KeyProps) => (
  <>
    <Text className="mono" size="sm">
      {shownPrefix(listed)}
    </Text>
    <Text size="xs" c="dimmed" hiddenFrom="sm" truncate maw={140}>
      {listed.user_email}
    </Text>
  </>
);

interface MomentProps {
  readonly at: string | null;
  readonly t: TFunction<'apiKeys'>;
}

const LastUse = ({ at, t }: MomentProps) =>
  at === null ? (
    <Text size="sm" c="dimmed">
      {t('notSinceStart')}
    </Text>
  ) : (
    <Moment at={at} />
  );

interface RevokeProps extends KeyProps {
  readonly t: TFunction<'apiKeys'>;
  readonly onClick: () => void;
}

const Revoke = ({ listed, t, onClick }: RevokeProps) => (
  <IconButton
    label={t('revokeOf', { prefix: shownPrefix(listed), email: listed.user_email })}
    hint={t('revoke')}
    onClick={onClick}
  >
    <IconTrash size={17} />
  </IconButton>
);

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

function Expiry({ at, t }: MomentProps) {
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
