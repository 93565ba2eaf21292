import { Alert, Button, Stack } from '@mantine/core';
import { IconLock, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePools } from '../../api/pools.ts';
import { usePoolSchedules, useSchedules } from '../../api/schedules.ts';
import { PageHeader } from '../../parts/states.tsx';
import { type TableView, useTableView } from '../../parts/table-view.ts';
import { MappingSchedules } from './mapping-schedules.tsx';
import { MappingSelect } from './mapping-select.tsx';
import { PoolSchedules } from './pool-schedules.tsx';
import { SchedulePanel } from './schedule-panel.tsx';
import type { Edited } from './schedule-values.ts';
import { useDeleting } from './use-deleting.tsx';
import { Week } from './week.tsx';

export function Schedules({ isTeam }: { readonly isTeam: boolean }) {
  const { t } = useTranslation('schedules');
  const view = useTableView();
  const { mapping_id } = view.filters;
  const { schedules, pools, ofPools } = useAllSchedules(view, isTeam);
  const [edited, setEdited] = useState<Edited | null>(null);
  const close = () => setEdited(null);
  const [askDelete, dialog] = useDeleting();
  const writes = { onEdit: setEdited, onDelete: askDelete };
  return (
    <>
      {dialog}
      <PageHeader title={t('title')} hint={t('hint')}>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited({ of: 'new' })}>
          {t('create')}
        </Button>
      </PageHeader>
      <Stack gap="lg">
        {!isTeam && <TeamNote />}
        <Week
          isTeam={isTeam}
          mappingId={mapping_id}
          pools={ofPools.pools}
          onEdit={setEdited}
          schedules={schedules.data}
        >
          {isTeam && <MappingFilter view={view} />}
        </Week>
        {isTeam && <MappingSchedules query={schedules} view={view} {...writes} />}
        {mapping_id === undefined && <PoolSchedules query={ofPools} {...writes} />}
      </Stack>
      {edited !== null && (
        <SchedulePanel edited={edited} isTeam={isTeam} pools={pools} mappingId={mappingIdOf(view)} onClose={close} />
      )}
    </>
  );
}

/** Personal has schedules of pools only. */
function TeamNote() {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  return (
    <Alert icon={<IconLock />} color="blue" title={shared('teamOnly')}>
      {t('teamOnlyWhy')}
    </Alert>
  );
}

const mappingIdOf = ({ filters: { mapping_id } }: TableView) => (mapping_id === undefined ? null : Number(mapping_id));

/** The schedules of mappings that the view shows, and those of all pools. */
function useAllSchedules({ filters, limit, offset }: TableView, isTeam: boolean) {
  const schedules = useSchedules({ mapping_id: filters.mapping_id, limit, offset }, isTeam);
  const asked = usePools(false);
  const pools = asked.data ?? [];
  const ofAsked = usePoolSchedules(pools.map(({ name }) => name));
  // If the pools are unknown, so are their schedules: that must not look like an empty list.
  const ofPools = asked.data === undefined ? { ...asked, pools: [] } : ofAsked;
  return { schedules, pools, ofPools };
}

function MappingFilter({ view }: { readonly view: TableView }) {
  const { t } = useTranslation('schedules');
  return (
    <MappingSelect
      aria-label={t('ofMapping')}
      placeholder={t('allMappings')}
      value={mappingIdOf(view)}
      onChange={id => view.setFilter('mapping_id', id === null ? null : String(id))}
      clearable
      w={{ base: '100%', xs: 300 }}
    />
  );
}
