import { Badge, Button, Group, Loader, Paper, Stack, Text } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { type FoundApiKey, type ListedApiKey, useFoundKey, useKeyHash } from '../../api/api-keys.ts';
import { Moment } from '../../parts/moment.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { UserLink } from '../../parts/user-link.tsx';
import { shownPrefix } from './key-columns.tsx';

interface FoundKeyProps {
  readonly wholeKey: string;
  readonly onRevoke: (key: ListedApiKey) => void;
}

/**
 * Shows the owner of a whole key and whether it works: for somebody who has found one and may have to revoke it at
 * once.
 */
export function FoundKey({ wholeKey, onRevoke }: FoundKeyProps) {
  const { t } = useTranslation('apiKeys');
  const made = useKeyHash(wholeKey);
  const { data, refetch, ...query } = useFoundKey(made.hash);
  const error = made.error ?? query.error;
  return (
    <Paper withBorder component="section" aria-label={t('lookedUp')} p="sm" mb="sm">
      <Stack gap={6}>
        <div role="status">
          {data === undefined && error === null && <Loader size="xs" aria-label={t('lookedUp')} />}
          {data === null && <Text size="sm">{t('noSuchKey')}</Text>}
          {data != null && <Found found={data} onRevoke={onRevoke} />}
        </div>
        {error !== null && <ErrorState error={error} onRetry={refetch} />}
        <Text size="xs" c="dimmed">
          {t('lookedUpHow')}
        </Text>
      </Stack>
    </Paper>
  );
}

const colors = { active: 'teal.9', expired: 'red.9', user_inactive: 'gray.7' } as const;

function Found({ found, onRevoke }: { readonly found: FoundApiKey } & Pick<FoundKeyProps, 'onRevoke'>) {
  const { t } = useTranslation('apiKeys');
  return (
    <Group gap="6px 20px">
      <Group gap="xs" wrap="nowrap">
        <Badge color={colors[found.state]} radius="sm" tt="none" style={{ flexShrink: 0 }}>
          {t(`state_${found.state}`)}
        </Badge>
        <Text className="mono" size="sm">
          {shownPrefix(found)}
        </Text>
      </Group>
      <Fact name={t('user')}>
        <UserLink email={found.user_email} />
      </Fact>
      <Fact name={t('lastUsed')}>
        {found.last_used_at === null ? t('notSinceStart') : <Moment at={found.last_used_at} />}
      </Fact>
      <Button
        size="xs"
        color="red.9"
        ml="auto"
        leftSection={<IconTrash size={14} />}
        onClick={() => onRevoke(found)}
        aria-label={t('revokeOf', { prefix: shownPrefix(found), email: found.user_email })}
      >
        {t('revoke')}
      </Button>
    </Group>
  );
}

const Fact = ({ name, children }: { readonly name: string; readonly children: React.ReactNode }) => (
  <Text size="sm" component="div">
    <Text span size="sm" c="dimmed">
      {name}
    </Text>{' '}
    {children}
  </Text>
);
