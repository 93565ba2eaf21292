import { Alert, Button, Stack } from '@mantine/core';
import { IconLock, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePools } from '../../api/pools.ts';
import { usePoolSchedules, useSchedules } from '../../api/schedules.ts';
import { PageHeader } from '../../parts/states.tsx';
import { useTableView } from '../../parts/table-view.ts';
import { MappingSchedules } from './mapping-schedules.tsx';
import { MappingSelect } from './mapping-select.tsx';
import { PoolSchedules } from './pool-schedules.tsx';
import { SchedulePanel } from './schedule-panel.tsx';
import type { Edited } from './schedule-values.ts';
import { useDeleting } from './use-deleting.tsx';
import { Week } from './week.tsx';

export function Schedules({ isTeam }: { readonly isTeam: boolean }) {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  const view = useTableView();
  const { mapping_id } = view.filters;
  const schedules = useSchedules({ mapping_id, limit: view.limit, offset: view.offset }, isTeam);
  const asked = usePools(false);
  const pools = asked.data ?? [];
  const ofAsked = usePoolSchedules(pools.map(({ name }) => name));
  // If the pools are unknown, so are their schedules: that must not look like an empty list.
  const ofPools = asked.data === undefined ? { ...asked, pools: [] } : ofAsked;
  const [edited, setEdited] = useState<Edited | null>(null);
  const [askDelete, dialog] = useDeleting();
  return (
    <>
      {dialog}
      <PageHeader title={t('title')} hint={t('hint')}>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited({ of: 'new' })}>
          {t('create')}
        </Button>
      </PageHeader>
      <Stack gap="lg">
        {!isTeam && (
          <Alert icon={<IconLock />} color="blue" title={shared('teamOnly')}>
            {t('teamOnlyWhy')}
          </Alert>
        )}
        <Week
          isTeam={isTeam}
          mappingId={mapping_id}
          pools={ofPools.pools}
          onEdit={setEdited}
          schedules={schedules.data}
        >
          {isTeam && (
            <MappingSelect
              aria-label={t('ofMapping')}
              placeholder={t('allMappings')}
              value={mapping_id === undefined ? null : Number(mapping_id)}
              onChange={id => view.setFilter('mapping_id', id === null ? null : String(id))}
              clearable
              w={{ base: '100%', xs: 300 }}
            />
          )}
        </Week>
        {isTeam && <MappingSchedules query={schedules} view={view} onEdit={setEdited} onDelete={askDelete} />}
        {mapping_id === undefined && <PoolSchedules query={ofPools} onEdit={setEdited} onDelete={askDelete} />}
      </Stack>
      {edited !== null && (
        <SchedulePanel
          edited={edited}
          isTeam={isTeam}
          pools={pools}
          mappingId={mapping_id === undefined ? null : Number(mapping_id)}
          onClose={() => setEdited(null)}
        />
      )}
    </>
  );
}
