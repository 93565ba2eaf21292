import { useTranslation } from 'react-i18next';
import { FilterBar, SearchFilter, SelectFilter } from '../../parts/filters.tsx';
import { levels } from '../../parts/priority.tsx';
import type { TableView } from '../../parts/table-view.ts';
import { matchTypes, states, tenantTypes } from './row.ts';

interface FiltersProps {
  readonly view: TableView;
}

/** Two per row on a phone. */
const narrow = { w: 'auto', miw: 130, flex: { base: '1 1 40%', sm: '0 1 150px' } } as const;
const wide = { w: 'auto', miw: 180, flex: { base: '1 1 100%', sm: '1 1 220px' } } as const;

export function Filters({ view }: FiltersProps) {
  const { t } = useTranslation('mappings');
  const choices = {
    tenant_type: tenantTypes.map(value => ({ value, label: t(value) })),
    priority: levels.map(level => ({ value: String(level), label: `P${level}` })),
    match_type: matchTypes.map(value => ({ value, label: t(`match_${value}`) })),
    state: states.map(value => ({ value, label: t(`state_${value}`) })),
  };
  return (
    <FilterBar view={view}>
      <SearchFilter view={view} name="q" label={t('search')} {...wide} />
      {(['tenant_type', 'priority', 'match_type', 'state'] as const).map(name => (
        <SelectFilter
          key={name}
          view={view}
          name={name}
          label={t(`filter_${name}`)}
          options={choices[name]}
          {...narrow}
        />
      ))}
    </FilterBar>
  );
}
