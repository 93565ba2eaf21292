import { Button, Group, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { levels } from '../../parts/priority.tsx';
import type { TableView } from '../../parts/table-view.ts';
import classes from './mappings.module.css';
import { filtersOf, matchTypes, states, tenantTypes } from './row.ts';

interface FiltersProps {
  readonly view: TableView;
}

export function Filters({ view }: FiltersProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const filters = filtersOf(view);
  const isFiltered = Object.keys(filters).length > 0;
  const choice = (
    name: 'tenant_type' | 'priority' | 'match_type' | 'state',
    data: { value: string; label: string }[],
  ) => (
    <Select
      aria-label={t(`filter_${name}`)}
      placeholder={t(`filter_${name}`)}
      data={data}
      value={filters[name] ?? null}
      onChange={value => view.setFilter(name, value)}
      className={classes.filter}
      clearable
      clearButtonProps={{ 'aria-label': t('clearFilter', { name: t(`filter_${name}`) }) }}
    />
  );
  return (
    <Group gap="xs" mb="sm" role="search" aria-label={t('filters')}>
      <Search value={filters.q ?? ''} onSearch={text => view.setFilter('q', text)} />
      {choice(
        'tenant_type',
        tenantTypes.map(value => ({ value, label: t(value) })),
      )}
      {choice(
        'priority',
        levels.map(level => ({ value: String(level), label: `P${level}` })),
      )}
      {choice(
        'match_type',
        matchTypes.map(value => ({ value, label: t(`match_${value}`) })),
      )}
      {choice(
        'state',
        states.map(value => ({ value, label: t(`state_${value}`) })),
      )}
      {isFiltered && (
        <Button variant="subtle" color="gray" leftSection={<IconX size={14} />} onClick={view.clearFilters}>
          {t('clearFilters')}
        </Button>
      )}
    </Group>
  );
}

interface SearchProps {
  readonly value: string;
  readonly onSearch: (text: string) => void;
}

const restMs = 250;
const longest = 255;

/** What is typed goes into the address when the typing rests; what changes the address shows here. */
function Search({ value, onSearch }: SearchProps) {
  const { t } = useTranslation('mappings');
  const [text, setText] = useState(value);
  const search = useDebouncedCallback(onSearch, { delay: restMs, flushOnUnmount: false });
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      type="search"
      aria-label={t('search')}
      placeholder={t('search')}
      leftSection={<IconSearch size={16} />}
      value={text}
      maxLength={longest}
      onChange={event => {
        setText(event.currentTarget.value);
        search(event.currentTarget.value.trim());
      }}
      className={classes.search}
    />
  );
}
