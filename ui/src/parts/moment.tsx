import { Text, Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useEachSecond } from './each-second.ts';

const units = [
  ['year', 31_556_952_000],
  ['month', 2_629_746_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** Returns "2 minutes ago", "in 3 hours", in the reader's language. */
function relativeText(at: Date, now: number, language: string): string {
  const ms = at.getTime() - now;
  const [unit, size] = units.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? ['second', 1_000];
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.trunc(ms / size), unit);
}

/** Date and time in local time, with the zone; 24 hours, as everywhere in the console. */
export const fullText = (at: Date, language: string): string =>
  new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' }).format(at);

interface TimeProps {
  readonly at: string;
  readonly role?: 'timer';
  readonly children: string;
}

/** A text about a moment; its date and time appear under the pointer or the keyboard's focus. */
export function Time({ at, role, children }: TimeProps) {
  const { i18n } = useTranslation();
  return (
    <Tooltip label={fullText(new Date(at), i18n.language)} events={{ hover: true, focus: true, touch: true }}>
      <Text component="time" inherit dateTime={at} tabIndex={0} role={role}>
        {children}
      </Text>
    </Tooltip>
  );
}

/** A moment, relative to now. */
export function Moment({ at }: { readonly at: string }) {
  const { i18n } = useTranslation();
  return <Time at={at}>{useEachSecond(() => relativeText(new Date(at), Date.now(), i18n.language))}</Time>;
}

/** A moment as date and local time. */
export function FullMoment({ at }: { readonly at: string }) {
  const { i18n } = useTranslation();
  return (
    <Text component="time" inherit dateTime={at}>
      {fullText(new Date(at), i18n.language)}
    </Text>
  );
}
