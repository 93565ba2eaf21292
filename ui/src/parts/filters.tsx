import { type BoxProps, Button, CloseButton, Group, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { Fragment, type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { looksLikeKey } from './key-like.ts';
import type { TableView } from './table-view.ts';

interface FilterProps extends Pick<BoxProps, 'w' | 'flex' | 'miw'> {
  readonly view: TableView;
  /** The filter's name in the page's address and in the API. */
  readonly name: string;
  readonly label: string;
}

interface SearchFilterProps extends FilterProps {
  readonly placeholder?: string;
  /** Matches text that must not stand in an address and so is not searched for; by default whatever may be a key. */
  readonly isSecret?: (text: string) => boolean;
  /** Receives such text instead of the usual warning; null when it is removed. */
  readonly onSecret?: (secret: string | null) => void;
}

/** Free text; searched for when the typing pauses. */
export function SearchFilter({ view, name, label, placeholder, isSecret, onSecret, ...box }: SearchFilterProps) {
  const { t } = useTranslation();
  const asked = view.filters[name] ?? '';
  const isHidden = isSecret ?? looksLikeKey;
  const [text, setText] = useState(asked);
  // Filters are also removed from outside: by "clear", or by the back button. A secret is in no filter.
  useEffect(() => setText(typed => (typed.trim() === asked || isHidden(typed) ? typed : asked)), [asked, isHidden]);
  const ask = useDebouncedCallback((value: string) => {
    const secret = isHidden(value) ? value.trim() : null;
    onSecret?.(secret);
    view.setFilter(name, secret === null ? value.trim() : null);
  }, 250);
  const change = (value: string) => {
    setText(value);
    ask(value);
  };
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={placeholder ?? label}
      value={text}
      onChange={event => change(event.currentTarget.value)}
      leftSection={<IconSearch size={16} />}
      rightSection={text !== '' && <CloseButton size="sm" aria-label={t('clearSearch')} onClick={() => change('')} />}
      maxLength={256}
      // The browser neither stores the text nor sends it to a spelling service.
      autoComplete="off"
      spellCheck={false}
      error={onSecret === undefined && isHidden(text) && t('keyNotSearched')}
      w={{ base: '100%', xs: 260 }}
      {...box}
    />
  );
}

interface SelectFilterProps extends FilterProps {
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

/** One of a few values, or all. */
export function SelectFilter({ view, name, label, options, ...box }: SelectFilterProps) {
  const { t } = useTranslation();
  return (
    <Select
      aria-label={label}
      placeholder={label}
      data={[...options]}
      value={view.filters[name] ?? null}
      onChange={value => view.setFilter(name, value)}
      clearable
      clearButtonProps={{ 'aria-label': t('clearFilter', { name: label }) }}
      w={{ base: '100%', xs: 170 }}
      {...box}
    />
  );
}

/** The filters of a table in a row, with a button that clears them. */
export function FilterBar({ view, children }: { readonly view: TableView; readonly children: ReactNode }) {
  const { t } = useTranslation();
  const [cleared, setCleared] = useState(0);
  const clear = () => {
    view.clearFilters();
    setCleared(cleared + 1);
  };
  return (
    <Group gap="xs" mb="sm" role="search" aria-label={t('filters')}>
      {/* Remounted on clearing, so that text typed but not yet searched for is removed too. */}
      <Fragment key={cleared}>{children}</Fragment>
      {isFiltered(view) && (
        <Button variant="subtle" size="compact-sm" onClick={clear}>
          {t('clearFilters')}
        </Button>
      )}
    </Group>
  );
}

export const isFiltered = (view: TableView): boolean => Object.keys(view.filters).length > 0;
