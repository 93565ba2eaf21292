import { Group, Loader, Select, type SelectProps, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { looksLikeKey } from './key-like.ts';

type SearchSelectProps = Omit<SelectProps, 'data' | 'value' | 'onChange' | 'renderOption'> & {
  /** The ID of the chosen item; null: none. */
  readonly value: number | null;
  readonly onChange: (id: number | null) => void;
};

interface Searched<Item> {
  readonly useOne: (id: number | null) => { readonly data: Item | undefined };
  /** Returns a few items that match the typed text. */
  readonly useFound: (q: string | undefined) => {
    readonly data: readonly Item[] | undefined;
    readonly isFetching: boolean;
  };
  readonly label: (item: Item) => string;
  /** Shown before the label in the list. */
  readonly mark?: (item: Item) => ReactNode;
  /** Shown below it. */
  readonly detail: (item: Item) => ReactNode;
}

/** A control to choose among any number of items: the gateway searches for the typed text. */
export function searchSelect<Item extends { readonly id: number }>(searched: Searched<Item>) {
  const { useOne, useFound, label, mark, detail } = searched;
  return function SearchSelect({ value, onChange, ...props }: SearchSelectProps) {
    const { t } = useTranslation();
    const [typed, setTyped] = useState('');
    const chosen = useOne(value).data;
    const isKey = looksLikeKey(typed);
    const isSearching = typed !== '' && !isKey && (chosen === undefined || typed !== label(chosen));
    const [q] = useDebouncedValue(isSearching ? typed : undefined, 200);
    const { data: found = [], isFetching } = useFound(q);
    const items = chosen === undefined || found.some(({ id }) => id === chosen.id) ? found : [chosen, ...found];
    return (
      <Select
        searchable
        // As the first field of a panel, its list would hide the others.
        openOnFocus={false}
        {...props}
        autoComplete="off"
        spellCheck={false}
        data={(isKey ? [] : items).map(item => ({ value: String(item.id), label: label(item) }))}
        value={value === null ? null : String(value)}
        onChange={id => onChange(id === null ? null : Number(id))}
        onSearchChange={setTyped}
        // The gateway has filtered already.
        filter={({ options }) => options}
        nothingFoundMessage={isKey ? t('keyNotSearched') : isFetching ? t('loading') : t('nothingFoundShort')}
        rightSection={isFetching && isSearching ? <Loader size="xs" /> : undefined}
        maxDropdownHeight={280}
        renderOption={({ option }) => {
          const item = items.find(({ id }) => String(id) === option.value);
          return item && <Choice label={label(item)} mark={mark?.(item)} detail={detail(item)} />;
        }}
      />
    );
  };
}

interface ChoiceProps {
  readonly label: string;
  readonly mark: ReactNode;
  readonly detail: ReactNode;
}

const Choice = ({ label, mark, detail }: ChoiceProps) => (
  <Group wrap="nowrap" gap="xs">
    {mark}
    <Stack gap={0} style={{ minWidth: 0 }}>
      <Text size="sm" truncate>
        {label}
      </Text>
      <Text size="xs" c="dimmed" truncate>
        {detail}
      </Text>
    </Stack>
  </Group>
);
