import { Flex, Text } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { PoolKey, ShownPool } from '../../api/pools.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { levels, PriorityBadge } from '../../parts/priority.tsx';
import { SourceBadge } from '../../parts/setting-fields.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { isLevels, levelSettings } from './pool-form-values.ts';

interface LevelRow {
  readonly key: PoolKey;
  readonly label: string;
  readonly source: ShownPool['source'][PoolKey];
  readonly values: readonly number[] | null;
}

/** The settings of a pool that differ by level: a row for each setting, a column for each level. */
export function LevelTable({ pool }: { readonly pool: ShownPool }) {
  const { t } = useTranslation('pools');
  const { exact } = useNumbers();
  const rows = levelSettings.map(({ key }): LevelRow => {
    const value = pool[key];
    return { key, label: t(key), source: pool.source[key], values: isLevels(value) ? value : null };
  });
  const columns: DataTableColumn<LevelRow>[] = [
    {
      accessor: 'label',
      title: t('byLevel'),
      noWrap: true,
      render: ({ label, source }) => (
        <Flex direction={{ base: 'column', sm: 'row' }} align={{ base: 'flex-start', sm: 'center' }} columnGap="xs">
          <Text size="sm">{label}</Text>
          <SourceBadge source={source} />
        </Flex>
      ),
    },
    ...levels.map(
      (level): DataTableColumn<LevelRow> => ({
        accessor: `P${level}`,
        title: <PriorityBadge level={level} />,
        textAlign: 'right',
        render: ({ values }) => (values === null ? '–' : exact(values[level] ?? 0)),
      }),
    ),
  ];
  return (
    <WholeTable label={t('byLevelOf', { pool: pool.name })} columns={columns} rows={rows} rowId={row => row.key} />
  );
}
