import { ActionIcon, Box, Group, Menu } from '@mantine/core';
import {
  IconDots,
  IconHistory,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlayerStop,
  IconRocket,
  IconRoute,
  IconTrash,
} from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { looksLikeKey } from '../../parts/key-like.ts';
import type { RowChange } from './change-dialog.tsx';
import type { Row } from './row.ts';

export interface Actions {
  edit(row: Row): void;
  boost(row: Row): void;
  change(change: RowChange): void;
}

interface RowActionsProps {
  readonly row: Row;
  readonly actions: Actions;
}

export function RowActions(props: RowActionsProps) {
  const { t } = useTranslation('mappings');
  const { row, actions } = props;
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={t('editOf', named(row, t))}
        onClick={event => {
          event.stopPropagation();
          actions.edit(row);
        }}
      >
        <IconPencil size={16} />
      </ActionIcon>
      <RowMenu {...props} />
    </Group>
  );
}

const named = ({ id, tenant_id, tenant_name }: Row, t: TFunction<'mappings'>) => ({
  id,
  tenant: tenant_name ?? tenant_id ?? t('noTenant'),
});

/** A prefix is the known beginning of its keys; a whole key is entered on that page and never stands in an address. */
const explainPath = ({ match_type: type, pattern }: Row): string =>
  type === 'prefix' && !looksLikeKey(pattern)
    ? `/explain?key_prefix=${encodeURIComponent(pattern.replace(/\*$/, ''))}`
    : '/explain';

/** All actions of a row; on a phone it is the only button. */
export function RowMenu({ row, actions }: RowActionsProps) {
  const { t } = useTranslation('mappings');
  return (
    // A click here does not count as a click on the row.
    <Box display="inline-block" onClick={event => event.stopPropagation()}>
      <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('actionsOf', named(row, t))}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <ChangeItems row={row} actions={actions} />
          <Menu.Divider />
          <LinkItems row={row} />
          <Menu.Divider />
          <Menu.Item
            leftSection={<IconTrash size={16} color="var(--mantine-color-error)" />}
            onClick={() => actions.change({ kind: 'delete', row })}
          >
            {t('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Box>
  );
}

function ChangeItems({ row, actions: { edit, boost, change } }: RowActionsProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const kind = row.enabled ? 'disable' : 'enable';
  return (
    <>
      <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => edit(row)}>
        {t('shell:edit')}
      </Menu.Item>
      <Menu.Item
        leftSection={row.enabled ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
        onClick={() => change({ kind, row })}
      >
        {t(kind)}
      </Menu.Item>
      <Menu.Item leftSection={<IconRocket size={16} />} onClick={() => boost(row)}>
        {t(row.boost === null ? 'boost' : 'changeBoost')}
      </Menu.Item>
      {row.boost !== null && (
        <Menu.Item leftSection={<IconPlayerStop size={16} />} onClick={() => change({ kind: 'endBoost', row })}>
          {t('endBoost')}
        </Menu.Item>
      )}
    </>
  );
}

function LinkItems({ row }: Pick<RowActionsProps, 'row'>) {
  const { t } = useTranslation('mappings');
  return (
    <>
      <Menu.Item component={Link} href={explainPath(row)} leftSection={<IconRoute size={16} />}>
        {t('toExplain')}
      </Menu.Item>
      <Menu.Item
        component={Link}
        href={`/history?object=mapping&object_id=${row.id}`}
        leftSection={<IconHistory size={16} />}
      >
        {t('toHistory')}
      </Menu.Item>
    </>
  );
}
