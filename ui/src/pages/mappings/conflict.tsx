import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconGitMerge } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { Mapping } from '../../../../src/http/admin/contract/contract.ts';
import { Moment } from '../../parts/moment.tsx';
import { PriorityBadge } from '../../parts/priority.tsx';
import classes from './mappings.module.css';
import { fieldNames, matchTypes, tenantTypes, type Values, valuesOf } from './row.ts';

/** Readable in light and dark mode. */
const marked = 'color-mix(in srgb, var(--mantine-color-yellow-5) 18%, var(--mantine-color-body))';

type Shown = Values[(typeof fieldNames)[number]];

interface ConflictProps {
  /** The version at the start of the editing. */
  readonly base: Mapping;
  readonly mine: Values;
  /** The row after the concurrent change; null: deleted. */
  readonly current: Mapping | null;
  readonly isSaving: boolean;
  readonly onTakeTheirs: (current: Mapping) => void;
  readonly onKeepMine: (current: Mapping) => void;
  readonly onGoOn: (current: Mapping) => void;
  readonly onClose: () => void;
}

/** A concurrent change of the row: shows both versions, field by field, and the possible actions. */
export function Conflict({ base, mine, current, isSaving, ...on }: ConflictProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  if (current === null) {
    return (
      <Stack>
        <Alert color="orange" icon={<IconGitMerge />} title={t('goneTitle')} role="alert">
          {t('goneText')}
        </Alert>
        <Group justify="flex-end">
          <Button onClick={on.onClose}>{t('shell:close')}</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack>
      <Alert color="orange" icon={<IconGitMerge />} title={t('conflictTitle')} role="alert">
        {t('conflictText')} {t('changedAt')} <Moment at={current.updated_at} />
      </Alert>
      <Comparison base={valuesOf(base)} mine={mine} theirs={valuesOf(current)} />
      <Group justify="flex-end">
        <Button variant="default" onClick={() => on.onGoOn(current)} data-autofocus>
          {t('goOnEditing')}
        </Button>
        <Button variant="default" onClick={() => on.onTakeTheirs(current)}>
          {t('takeTheirs')}
        </Button>
        <Button loading={isSaving} onClick={() => on.onKeepMine(current)}>
          {t('keepMine')}
        </Button>
      </Group>
    </Stack>
  );
}

/** Appears in the form as soon as the dry run meets the other version. */
export function ConflictNotice({ onCompare }: { readonly onCompare: () => void }) {
  const { t } = useTranslation('mappings');
  return (
    <Alert color="orange" icon={<IconGitMerge />} title={t('conflictTitle')} role="alert">
      <Button size="xs" variant="default" onClick={onCompare}>
        {t('compare')}
      </Button>
    </Alert>
  );
}

interface Versions {
  readonly base: Values;
  readonly mine: Values;
  readonly theirs: Values;
}

function Comparison(versions: Versions) {
  const { t } = useTranslation('mappings');
  const column = (side: 'mine' | 'theirs', title: string): DataTableColumn<Compared> => ({
    accessor: side,
    title,
    render: row => <Value name={row.name} value={row[side]} isMarked={row.differs} />,
  });
  return (
    <DataTable<Compared>
      records={compare(versions)}
      idAccessor="name"
      withTableBorder
      minHeight={0}
      rowBackgroundColor={({ differs }) => (differs ? marked : undefined)}
      columns={[
        { accessor: 'name', title: t('field'), render: row => <FieldName {...row} /> },
        column('mine', t('yours')),
        column('theirs', t('theirs')),
      ]}
    />
  );
}

interface Compared {
  readonly name: (typeof fieldNames)[number];
  readonly mine: Shown;
  readonly theirs: Shown;
  readonly differs: boolean;
  readonly by: 'You' | 'Them' | 'Both';
}

/** Compares field by field. */
const compare = ({ base, mine, theirs }: Versions): Compared[] =>
  fieldNames.map(name => {
    const [isTheirs, isMine] = [theirs[name] !== base[name], mine[name] !== base[name]];
    const by = isTheirs && isMine ? 'Both' : isTheirs ? 'Them' : 'You';
    return { name, mine: mine[name], theirs: theirs[name], differs: mine[name] !== theirs[name], by };
  });

function FieldName({ name, differs, by }: Compared) {
  const { t } = useTranslation('mappings');
  return (
    <Stack gap={2} align="flex-start">
      <Text size="sm">{t(`field_${name}`)}</Text>
      {differs && (
        <Text size="xs" fs="italic">
          {t(`changedBy_${by}`)}
        </Text>
      )}
    </Stack>
  );
}

interface ValueProps {
  readonly name: (typeof fieldNames)[number];
  readonly value: Shown;
  readonly isMarked: boolean;
}

function Value({ name, value, isMarked }: ValueProps) {
  const { t } = useTranslation('mappings');
  const { t: shell } = useTranslation();
  if (typeof value === 'number') return <PriorityBadge level={value} />;
  const text = typeof value === 'boolean' ? shell(value ? 'yes' : 'no') : (value ?? '–');
  const isWord = name === 'match_type' || name === 'tenant_type';
  return (
    <Text
      size="sm"
      fw={isMarked ? 600 : 400}
      className={name === 'pattern' ? `mono ${classes.pattern}` : classes.pattern}
    >
      {isWord ? wordOf(value, t) : text}
    </Text>
  );
}

/** Translates a word of the tables; rows written by SQL may have a type of any text. */
function wordOf(value: Shown, t: TFunction<'mappings'>): string {
  const match = matchTypes.find(type => type === value);
  if (match !== undefined) return t(`match_${match}`);
  const tenant = tenantTypes.find(type => type === value);
  return tenant === undefined ? String(value ?? '–') : t(tenant);
}
