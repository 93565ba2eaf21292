import { ActionIcon, Group, Menu } from '@mantine/core';
import {
  IconDots,
  IconHistory,
  IconPencil,
  IconPlayerPause,
  IconPlayerPlay,
  IconRocket,
  IconRoute,
  IconTrash,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
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

export function RowActions({ row, actions }: RowActionsProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const name = { id: row.id, tenant: row.tenant_name ?? row.tenant_id ?? t('noTenant') };
  return (
    // A click here is not one on the row.
    <Group gap={2} wrap="nowrap" justify="flex-end" onClick={event => event.stopPropagation()}>
      <ActionIcon variant="subtle" color="gray" aria-label={t('editOf', name)} onClick={() => actions.edit(row)}>
        <IconPencil size={16} />
      </ActionIcon>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={t('actionsOf', name)}>
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={row.enabled ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}
            onClick={() => actions.change({ kind: row.enabled ? 'disable' : 'enable', row })}
          >
            {t(row.enabled ? 'disable' : 'enable')}
          </Menu.Item>
          <Menu.Item leftSection={<IconRocket size={16} />} onClick={() => actions.boost(row)}>
            {t(row.boost === null ? 'boost' : 'changeBoost')}
          </Menu.Item>
          {row.boost !== null && (
            <Menu.Item
              onClick={() => actions.change({ kind: 'endBoost', row })}
              leftSection={<IconPlayerPause size={16} />}
            >
              {t('endBoost')}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item component={Link} href="/explain" leftSection={<IconRoute size={16} />}>
            {t('toExplain')}
          </Menu.Item>
          <Menu.Item
            component={Link}
            href={`/history?object=mapping&object_id=${row.id}`}
            leftSection={<IconHistory size={16} />}
          >
            {t('toHistory')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            color="red"
            leftSection={<IconTrash size={16} />}
            onClick={() => actions.change({ kind: 'delete', row })}
          >
            {t('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </Group>
  );
}
