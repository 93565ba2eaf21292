import { useTranslation } from 'react-i18next';
import { kinds, objects } from '../../api/history.ts';
import { FilterBar, SearchFilter, SelectFilter } from '../../parts/filters.tsx';
import { MomentInput } from '../../parts/moment-input.tsx';
import type { TableView } from '../../parts/table-view.ts';

export function HistoryFilters({ view }: { readonly view: TableView }) {
  const { t } = useTranslation('history');
  return (
    <FilterBar view={view}>
      <SelectFilter
        view={view}
        name="object"
        label={t('object')}
        options={objects.map(value => ({ value, label: t(`object_${value}`) }))}
      />
      <SearchFilter view={view} name="object_id" label={t('objectId')} />
      <SelectFilter
        view={view}
        name="kind"
        label={t('kind')}
        options={kinds.map(value => ({ value, label: t(`kind_${value}`) }))}
      />
      <SearchFilter view={view} name="actor" label={t('actor')} />
      <MomentFilter view={view} name="from" label={t('from')} />
      <MomentFilter view={view} name="to" label={t('to')} />
    </FilterBar>
  );
}

interface MomentFilterProps {
  readonly view: TableView;
  readonly name: string;
  readonly label: string;
}

function MomentFilter({ view, name, label }: MomentFilterProps) {
  const { t } = useTranslation();
  const asked = view.filters[name];
  return (
    <MomentInput
      aria-label={label}
      placeholder={label}
      value={asked === undefined || Number.isNaN(Date.parse(asked)) ? null : asked}
      onChange={at => view.setFilter(name, at)}
      clearable
      clearButtonProps={{ 'aria-label': t('clearFilter', { name: label }) }}
      w={{ base: '100%', xs: 190 }}
    />
  );
}
