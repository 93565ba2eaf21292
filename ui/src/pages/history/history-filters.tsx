import { DateTimePicker } from '@mantine/dates';
import dayjs from 'dayjs';
import { useTranslation } from 'react-i18next';
import { kinds, objects } from '../../api/history.ts';
import { FilterBar, SearchFilter, SelectFilter } from '../../parts/filters.tsx';
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

/** The picker speaks of the reader's clock, without a zone. */
const pickerFormat = 'YYYY-MM-DD HH:mm:ss';

function MomentFilter({ view, name, label }: MomentFilterProps) {
  const asked = view.filters[name];
  return (
    <DateTimePicker
      aria-label={label}
      placeholder={label}
      valueFormat="YYYY-MM-DD HH:mm"
      value={asked === undefined || !dayjs(asked).isValid() ? null : dayjs(asked).format(pickerFormat)}
      onChange={value => view.setFilter(name, value === null ? null : dayjs(value).toISOString())}
      clearable
      timePickerProps={{ 'aria-label': label }}
      submitButtonProps={{ 'aria-label': label }}
      w={{ base: '100%', xs: 190 }}
    />
  );
}
