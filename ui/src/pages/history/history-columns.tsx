import { Anchor, Badge, Group, Stack, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { HistoryEntry } from '../../api/history.ts';
import { shownFrom } from '../../parts/columns.ts';
import { Moment } from '../../parts/moment.tsx';
import { fieldChanges } from './changes.ts';
import { KindBadge, nameOf, objectText } from './entry-words.tsx';
import { valueText } from './value-text.ts';

export const historyColumns = (
  t: TFunction<'history'>,
  onOpen: (entry: HistoryEntry) => void,
): DataTableColumn<HistoryEntry>[] => [
  {
    accessor: 'at',
    title: t('when'),
    width: 210,
    noWrap: true,
    ...shownFrom.sm,
    render: ({ at }) => (
      <Stack gap={0}>
        <ClockTime at={at} />
        <Text size="xs" c="dimmed">
          <Moment at={at} />
        </Text>
      </Stack>
    ),
  },
  {
    accessor: 'object',
    title: t('what'),
    render: entry => <What entry={entry} onOpen={() => onOpen(entry)} />,
  },
  {
    accessor: 'changes',
    title: t('changes'),
    ...shownFrom.md,
    render: entry => <Summary entry={entry} />,
  },
  {
    accessor: 'actor',
    title: t('who'),
    ...shownFrom.sm,
    width: 190,
    render: entry => <Who {...entry} />,
  },
];

/** Without the zone, which the panel shows. */
function ClockTime({ at }: { readonly at: string }) {
  const { i18n } = useTranslation();
  const format = new Intl.DateTimeFormat(i18n.language, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
  return <Text size="sm">{format.format(new Date(at))}</Text>;
}

function What({ entry, onOpen }: { readonly entry: HistoryEntry; readonly onOpen: () => void }) {
  const { t } = useTranslation('history');
  const name = nameOf(entry);
  return (
    <Stack gap={2} align="flex-start">
      <Group gap={6}>
        <KindBadge kind={entry.kind} />
        <Anchor component="button" type="button" size="sm" ta="left" onClick={onOpen}>
          {objectText(entry.object, t)} {/^\d+$/.test(entry.object_id) ? `#${entry.object_id}` : entry.object_id}
        </Anchor>
        {entry.restores !== null && (
          <Badge size="sm" variant="default" tt="none">
            {t('restores', { id: entry.restores })}
          </Badge>
        )}
      </Group>
      {name !== null && (
        <Text size="xs" c="dimmed" className="mono" style={{ overflowWrap: 'anywhere' }}>
          {name}
        </Text>
      )}
      <Text size="xs" c="dimmed" hiddenFrom="sm" component="div">
        <Moment at={entry.at} /> · {entry.actor}
      </Text>
    </Stack>
  );
}

export function Who({ actor, via, db_role }: Pick<HistoryEntry, 'actor' | 'via' | 'db_role'>) {
  const { t } = useTranslation('history');
  return (
    <Stack gap={0}>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {actor}
      </Text>
      <Text size="xs" c="dimmed">
        {t(`via_${via}`, { role: db_role })}
      </Text>
    </Stack>
  );
}

const shownChanges = 2;

/** The most informative fields of a created or deleted object. */
const tellingFields = ['priority', 'value', 'until', 'tenant_id'];

/** The first changed fields, as `priority P3 → P1`; for a created or deleted object, the most informative ones. */
function Summary({ entry: { kind, before, after } }: { readonly entry: HistoryEntry }) {
  const { t } = useTranslation('history');
  const { t: shared, i18n } = useTranslation();
  const isUpdate = kind === 'update';
  const changes = fieldChanges(before, after).filter(
    ({ field, isChanged }) => isChanged && (isUpdate || tellingFields.includes(field)),
  );
  const text = (field: string, value: unknown) => valueText(field, value, shared, i18n.language);
  return (
    <Stack gap={0}>
      {changes.slice(0, shownChanges).map(({ field, before: old, after: now }) => (
        <Text key={field} size="sm" lineClamp={2}>
          <span className="mono">{field}</span>{' '}
          {isUpdate ? `${text(field, old)} → ${text(field, now)}` : text(field, now ?? old)}
        </Text>
      ))}
      {isUpdate && changes.length > shownChanges && (
        <Text size="xs" c="dimmed">
          {t('more', { number: changes.length - shownChanges })}
        </Text>
      )}
    </Stack>
  );
}
