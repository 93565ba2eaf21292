import { Text } from '@mantine/core';
import { Fragment, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useEachSecond } from '../../parts/each-second.ts';
import { useScrollRegion } from '../../parts/scroll-region.ts';
import type { ShownWindow } from './shown-windows.ts';
import { WeekBlock } from './week-block.tsx';
import { type Block, blocksOf, clockOf, hourText, minutesOfDay, weekdayOf } from './week-layout.ts';
import classes from './week-view.module.css';
import { useWeekdays } from './weekdays.ts';

interface WeekViewProps {
  readonly windows: readonly ShownWindow[];
  /** The time zone of the view. */
  readonly zone: string;
  readonly onOpen: (window: ShownWindow) => void;
}

const days = [0, 1, 2, 3, 4, 5, 6] as const;
/** The width of the column with the hours, as in the style sheet. */
const hoursWidth = 52;
const minuteMs = 60_000;
const hours = [3, 6, 9, 12, 15, 18, 21] as const;

/** The next seven days, Monday to Sunday, in one zone. */
export function WeekView({ windows, zone, onOpen }: WeekViewProps) {
  const { t } = useTranslation('schedules');
  const frame = useScrollRegion(t('weekLabel', { zone }));
  const weekdays = useWeekdays('short');
  const blocks = blocksOf(windows, zone);
  const now = clockOf(zone)(new Date(useEachSecond(() => Math.floor(Date.now() / minuteMs) * minuteMs)));
  const today = weekdayOf(now.date);
  useEffect(() => {
    // If the week is wider than the screen, it scrolls to today.
    const head = frame.current?.querySelector<HTMLElement>('[data-today]');
    if (frame.current && head) frame.current.scrollLeft = head.offsetLeft - hoursWidth;
  }, [frame]);
  return (
    <div className={classes.frame} ref={frame}>
      <div className={classes.week}>
        <div />
        {days.map(day => (
          <div key={day} className={classes.head} data-today={day === today || undefined}>
            {weekdays[day]}
          </div>
        ))}
        <Hours />
        {days.map(day => (
          <section key={day} className={classes.day} aria-label={weekdays[day]}>
            {day === today && (
              <Text component="span" className={classes.now} style={{ top: percent(now.minutes) }} title={t('now')}>
                {''}
              </Text>
            )}
            <Blocks blocks={blocks.filter(block => block.day === day)} onOpen={onOpen} />
          </section>
        ))}
      </div>
    </div>
  );
}

const Hours = () => (
  <div className={classes.hours} aria-hidden>
    {hours.map(hour => (
      <span key={hour} className={classes.hour} style={{ top: percent(hour * 60) }}>
        {hourText(hour * 60)}
      </span>
    ))}
  </div>
);

const percent = (minutes: number): string => `${(minutes / minutesOfDay) * 100}%`;

interface BlocksProps {
  readonly blocks: readonly Block<ShownWindow>[];
  readonly onOpen: (window: ShownWindow) => void;
}

const Blocks = ({ blocks, onOpen }: BlocksProps) =>
  blocks.map(block => (
    <Fragment key={`${block.window.id} ${block.from}`}>
      <WeekBlock block={block} onOpen={() => onOpen(block.window)} />
    </Fragment>
  ));
