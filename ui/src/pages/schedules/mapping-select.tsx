import { Group, Loader, Select, type SelectProps, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type MappingChoice, useMappingChoice, useMappingChoices } from '../../api/mapping-choices.ts';
import { PriorityBadge } from '../../parts/priority.tsx';

type MappingSelectProps = Omit<SelectProps, 'data' | 'value' | 'onChange' | 'renderOption'> & {
  readonly value: number | null;
  readonly onChange: (mappingId: number | null) => void;
};

/** One of however many mappings: what is typed the gateway looks for. */
export function MappingSelect({ value, onChange, ...props }: MappingSelectProps) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState('');
  const chosen = useMappingChoice(value).data ?? null;
  const isSearching = typed !== '' && (chosen === null || typed !== labelOf(chosen));
  const [q] = useDebouncedValue(isSearching ? typed : undefined, 200);
  const { data = [], isFetching } = useMappingChoices(q);
  const choices = chosen === null || data.some(({ id }) => id === chosen.id) ? data : [chosen, ...data];
  return (
    <Select
      searchable
      {...props}
      data={choices.map(choice => ({ value: String(choice.id), label: labelOf(choice) }))}
      value={value === null ? null : String(value)}
      onChange={id => onChange(id === null ? null : Number(id))}
      onSearchChange={setTyped}
      // The gateway has chosen what fits already.
      filter={({ options }) => options}
      nothingFoundMessage={isFetching ? t('loading') : t('nothingFoundShort')}
      rightSection={isFetching && isSearching ? <Loader size="xs" /> : undefined}
      maxDropdownHeight={280}
      renderOption={({ option }) => <Option choice={choices.find(({ id }) => String(id) === option.value)} />}
    />
  );
}

const labelOf = ({ id, pattern, tenant_name, tenant_id }: MappingChoice): string =>
  `${tenant_name ?? tenant_id ?? pattern} · #${id}`;

function Option({ choice }: { readonly choice: MappingChoice | undefined }) {
  if (choice === undefined) return null;
  return (
    <Group wrap="nowrap" gap="xs">
      <PriorityBadge level={choice.priority} />
      <Stack gap={0} style={{ minWidth: 0 }}>
        <Text size="sm" truncate>
          {labelOf(choice)}
        </Text>
        <Text size="xs" c="dimmed" className="mono" truncate>
          {choice.pattern}
        </Text>
      </Stack>
    </Group>
  );
}
