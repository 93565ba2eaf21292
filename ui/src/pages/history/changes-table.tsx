import { Box, Group, Switch, Text } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { WholeTable } from '../../parts/whole-table.tsx';
import { type FieldChange, fieldChanges, type Image } from './changes.ts';
import classes from './changes-table.module.css';
import { valueText } from './value-text.ts';

interface ChangesTableProps {
  readonly before: Image;
  readonly after: Image;
  /** The titles of the columns, if not "before" and "after". */
  readonly titles?: { readonly before: string; readonly after: string };
}

/** Shows a change field by field: the differences, and the rest on demand. */
export function ChangesTable({ before, after, titles }: ChangesTableProps) {
  const { t } = useTranslation('history');
  const [isAll, setIsAll] = useState(false);
  const changes = fieldChanges(before, after);
  const changed = changes.filter(({ isChanged }) => isChanged);
  const side = (name: 'before' | 'after', image: Image): DataTableColumn<FieldChange> => ({
    accessor: name,
    title: titles?.[name] ?? t(name),
    hidden: image === null,
    render: change => <Value {...change} side={name} />,
  });
  const field: DataTableColumn<FieldChange> = {
    accessor: 'field',
    title: t('field'),
    width: '30%',
    render: row => (
      <Text span className="mono" style={{ overflowWrap: 'anywhere' }}>
        {row.field}
      </Text>
    ),
  };
  return (
    <>
      <Box className={classes.frame}>
        <WholeTable
          label={t('changes')}
          columns={[field, side('before', before), side('after', after)]}
          rows={isAll ? changes : changed}
          rowId={row => row.field}
          empty={t('nothingChanged')}
        />
      </Box>
      {changed.length < changes.length && (
        <Group justify="flex-end" mt="xs">
          <Switch label={t('allFields')} checked={isAll} onChange={event => setIsAll(event.currentTarget.checked)} />
        </Group>
      )}
    </>
  );
}

function Value({ field, isChanged, side, ...values }: FieldChange & { readonly side: 'before' | 'after' }) {
  const { t, i18n } = useTranslation();
  const text = valueText(field, values[side], t, i18n.language);
  if (!isChanged || text === '–') return <Text size="sm">{text}</Text>;
  return (
    <Text component={side === 'before' ? 'del' : 'ins'} size="sm" className={classes[side]}>
      {text}
    </Text>
  );
}
