import { Stack, Text, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { levelColor, levelTextColor } from '../../parts/priority.tsx';
import type { ShownWindow } from './shown-windows.ts';
import { type Block, hourText, minutesOfDay } from './week-layout.ts';
import classes from './week-view.module.css';
import { useWeekdays } from './weekdays.ts';

/** The minimum duration, in minutes, of a block with a second and a third line. */
const twoLines = 105;
const threeLines = 165;
/** The minimum duration of a block with lines that wrap. */
const longLines = 240;

interface WeekBlockProps {
  readonly block: Block<ShownWindow>;
  readonly onOpen: () => void;
}

export function WeekBlock({ block, onOpen }: WeekBlockProps) {
  const weekdays = useWeekdays('long');
  const { window, day, from, to, lane, lanes } = block;
  const { priority, name, detail } = window;
  const hours = `${hourText(from)}–${hourText(to)}`;
  const head = priority === null ? name : `P${priority} ${name}`;
  const minutes = to - from;
  return (
    <Tooltip.Floating label={<Told window={window} />}>
      <UnstyledButton
        className={classes.block}
        data-pool={window.mappingId === null || undefined}
        data-tall={minutes >= longLines || undefined}
        onClick={onOpen}
        style={{
          top: `${(from / minutesOfDay) * 100}%`,
          height: `${(minutes / minutesOfDay) * 100}%`,
          left: `${(lane / lanes) * 100}%`,
          width: `${100 / lanes}%`,
          ...(priority !== null && { background: levelColor(priority), color: levelTextColor(priority) }),
        }}
      >
        <span className={classes.text}>
          <b>{head}</b>
        </span>{' '}
        <Line isShown={minutes >= twoLines}>{hours}</Line> <Line isShown={minutes >= threeLines}>{detail}</Line>{' '}
        <VisuallyHidden>{weekdays[day]}</VisuallyHidden>
      </UnstyledButton>
    </Tooltip.Floating>
  );
}

/** Always present for screen readers, and visible if there is room. */
const Line = ({ isShown, children }: { readonly isShown: boolean; readonly children: string }) =>
  isShown ? <span className={classes.text}>{children}</span> : <VisuallyHidden>{children}</VisuallyHidden>;

/** The whole window, in the time of its own zone. */
function Told({ window }: { readonly window: ShownWindow }) {
  const { t } = useTranslation('schedules');
  const clock = (text: string) => text.slice(0, 16).replace('T', ' ');
  return (
    <Stack gap={0}>
      <Text size="sm" fw={600}>
        {window.priority === null ? window.name : `P${window.priority} · ${window.name}`}
      </Text>
      <Text size="xs">{window.detail}</Text>
      <Text size="xs">
        {t('ownClock', {
          start: clock(window.localStart),
          end: clock(window.localEnd),
          offset: window.localStart.slice(19),
        })}
      </Text>
    </Stack>
  );
}
