import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { type PoolSchedule, type Schedule, useDeleteSchedule } from '../../api/schedules.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';
import { targetText } from './schedule-values.ts';
import { useWeekdays, weekdaysText } from './weekdays.ts';

/** Asks before a schedule is deleted: `[ask, dialog]`. */
export function useDeleting(): readonly [(schedule: Schedule | PoolSchedule) => void, ReactNode] {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  const weekdays = useWeekdays('short');
  const deleting = useDeleteSchedule();
  const [confirm, dialog] = useConfirm();
  const ask = (schedule: Schedule | PoolSchedule) => {
    const { id, start, end, zone, is_open } = schedule;
    const hours = `${weekdaysText(schedule.weekdays, weekdays)} ${start}–${end} ${zone}`;
    confirm({
      title: t('deleteOf', { id }),
      text: t(is_open ? 'deleteAskOpen' : 'deleteAsk', { target: targetText(schedule, t), hours }),
      action: shared('delete'),
      onConfirm: () =>
        deleting.mutate(
          { id, pool: 'pool' in schedule ? schedule.pool : null },
          { onSuccess: () => tellDone(t('deleted', { id })), onError: error => tellError(error, shared) },
        ),
    });
  };
  return [ask, dialog];
}
