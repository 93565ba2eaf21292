import { Button } from '@mantine/core';
import { IconDownload, IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../parts/states.tsx';
import { useTableView } from '../../parts/table-view.ts';
import { BoostDialog } from './boost-dialog.tsx';
import { ChangeDialog, type RowChange } from './change-dialog.tsx';
import { Editor } from './editor.tsx';
import { Filters } from './filters.tsx';
import { Head } from './head.tsx';
import { MappingTable } from './mapping-table.tsx';
import type { Row } from './row.ts';
import { usualSort } from './row.ts';
import { useEditing } from './use-editing.ts';
import { useTask } from './use-task.ts';

export function Mappings() {
  const { t } = useTranslation('mappings');
  const view = useTableView(usualSort);
  const editing = useEditing();
  const boosting = useTask<Row>();
  const changing = useTask<RowChange>();
  const create = () => editing.open('new');
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')}>
        <Button
          component="a"
          href="/admin/api-key-priority/mappings/export"
          download="mappings.yaml"
          variant="default"
          leftSection={<IconDownload size={16} />}
        >
          {t('export')}
        </Button>
        <Button leftSection={<IconPlus size={16} />} onClick={create}>
          {t('new')}
        </Button>
      </PageHeader>
      <Head />
      <Filters view={view} />
      <MappingTable
        view={view}
        actions={{
          create,
          edit: row => editing.open(row.id),
          boost: boosting.open,
          change: changing.open,
        }}
      />
      <Editor target={editing.target} onClose={editing.close} />
      <BoostDialog task={boosting} />
      <ChangeDialog task={changing} />
    </>
  );
}
