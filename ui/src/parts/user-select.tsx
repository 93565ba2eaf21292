import { Group, Loader, Select, type SelectProps, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type User, useUser, useUsers } from '../api/users.ts';

type UserSelectProps = Omit<SelectProps, 'data' | 'value' | 'onChange' | 'renderOption'> & {
  readonly value: number | null;
  readonly onChange: (userId: number | null) => void;
};

const mostShown = 20;

/** One of however many users: what is typed the gateway looks for. */
export function UserSelect({ value, onChange, ...props }: UserSelectProps) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState('');
  const chosen = useUser(value).data ?? null;
  const isSearching = typed !== '' && typed !== labelOf(chosen);
  const [q] = useDebouncedValue(isSearching ? typed : undefined, 200);
  const { data, isFetching } = useUsers({ q, limit: mostShown, offset: 0 });
  const found = data?.users ?? [];
  const users = chosen === null || found.some(({ id }) => id === chosen.id) ? found : [chosen, ...found];
  return (
    <Select
      searchable
      {...props}
      data={users.map(user => ({ value: String(user.id), label: labelOf(user) }))}
      value={value === null ? null : String(value)}
      onChange={id => onChange(id === null ? null : Number(id))}
      onSearchChange={setTyped}
      // The gateway has chosen what fits already.
      filter={({ options }) => options}
      nothingFoundMessage={isFetching ? t('loading') : t('nothingFoundShort')}
      rightSection={isFetching && isSearching ? <Loader size="xs" /> : undefined}
      maxDropdownHeight={280}
      renderOption={({ option }) => <Option user={users.find(({ id }) => String(id) === option.value)} />}
    />
  );
}

const labelOf = (user: User | null): string => user?.email ?? '';

function Option({ user }: { readonly user: User | undefined }) {
  if (user === undefined) return null;
  return (
    <Group wrap="nowrap" gap="xs">
      <Stack gap={0} style={{ minWidth: 0 }}>
        <Text size="sm" truncate>
          {user.email}
        </Text>
        {user.display_name !== null && (
          <Text size="xs" c="dimmed" truncate>
            {user.display_name}
          </Text>
        )}
      </Stack>
    </Group>
  );
}
