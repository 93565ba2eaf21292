import { ActionIcon, Group, List, Stack, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconPencil, IconRoute } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { ListedRoute } from '../../api/routes.ts';
import { shownFrom } from '../../parts/columns.ts';
import { IconButton } from '../../parts/icon-button.tsx';
import { SourceBadge } from '../../parts/setting-fields.tsx';

/** `onEdit`: null for those who may change nothing. */
export const routeColumns = (
  t: TFunction<'routes'>,
  onEdit: ((name: string) => void) | null,
): DataTableColumn<ListedRoute>[] => [
  { accessor: 'name', title: t('name'), render: route => <Name route={route} /> },
  { accessor: 'targets', title: t('targets'), render: ({ order }) => <Targets order={order} /> },
  { accessor: 'spill', title: t('spill'), render: route => spillText(route, t), ...shownFrom.sm },
  {
    accessor: 'actions',
    title: <VisuallyHidden>{t('actions')}</VisuallyHidden>,
    textAlign: 'right',
    width: 90,
    render: ({ name }) => <Actions name={name} onEdit={onEdit} />,
  },
];

function Name({ route: { name, aliases, source } }: { readonly route: ListedRoute }) {
  const { t } = useTranslation('routes');
  return (
    <Stack gap={2} align="flex-start" maw={280} style={{ overflowWrap: 'anywhere' }}>
      <Text size="sm" fw={500}>
        {name}
      </Text>
      {aliases.length > 0 && (
        <Text size="xs" c="dimmed" lineClamp={2}>
          {t('alsoCalled', { names: aliases.join(', ') })}
        </Text>
      )}
      <SourceBadge source={source} />
    </Stack>
  );
}

/** In their order; those of one place with their shares. */
function Targets({ order }: Pick<ListedRoute, 'order'>) {
  const places = [...Map.groupBy(order, ({ place }) => place)];
  return (
    <List type="ordered" size="sm" style={{ overflowWrap: 'anywhere' }}>
      {places.map(([place, targets]) => (
        <List.Item key={place}>
          {targets.map(({ provider, model, weight }) => (
            <div key={`${provider}:${model}`}>
              {provider}: {model}
              {targets.length > 1 && ` × ${weight}`}
            </div>
          ))}
        </List.Item>
      ))}
    </List>
  );
}

function spillText({ spill_after_sec: sec, spill_levels }: ListedRoute, t: TFunction<'routes'>): string {
  if (sec === null || spill_levels === null) return '–';
  return t('spillAfter', { sec, levels: spill_levels.map(level => `P${level}`).join(', ') });
}

interface ActionsProps {
  readonly name: string;
  readonly onEdit: ((name: string) => void) | null;
}

function Actions({ name, onEdit }: ActionsProps) {
  const { t } = useTranslation('routes');
  return (
    <Group gap={2} justify="flex-end" wrap="nowrap">
      <Tooltip label={t('explain')}>
        <ActionIcon
          component={Link}
          href={`/explain?model=${encodeURIComponent(name)}`}
          variant="subtle"
          color="gray"
          aria-label={t('explainOf', { name })}
        >
          <IconRoute size={17} />
        </ActionIcon>
      </Tooltip>
      {onEdit !== null && (
        <IconButton label={t('editOf', { name })} hint={t('edit')} onClick={() => onEdit(name)}>
          <IconPencil size={17} />
        </IconButton>
      )}
    </Group>
  );
}
