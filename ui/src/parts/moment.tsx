import { Text, Tooltip } from '@mantine/core';
import { useInterval } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

const units = [
  ['year', 31_556_952_000],
  ['month', 2_629_746_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** "2 minutes ago", "in 3 hours", in the reader's language. */
function relativeText(at: Date, now: number, language: string): string {
  const ms = at.getTime() - now;
  const [unit, size] = units.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? ['second', 1_000];
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(Math.trunc(ms / size), unit);
}

/** Date and time on the reader's clock, with its zone; 24 hours, as everywhere in the console. */
export const fullText = (at: Date, language: string): string =>
  new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'long', hourCycle: 'h23' }).format(at);

/** Now, again and again. */
export function useNow(everyMs = 1_000): number {
  const [now, setNow] = useState(Date.now);
  const { start, stop } = useInterval(() => setNow(Date.now()), everyMs);
  useEffect(() => {
    start();
    return stop;
  }, [start, stop]);
  return now;
}

/** A moment, relative to now; its date and time where the pointer or the keyboard's focus rests on it. */
export function Moment({ at }: { readonly at: string }) {
  const { i18n } = useTranslation();
  const now = useNow();
  const date = new Date(at);
  return (
    <Tooltip label={fullText(date, i18n.language)} events={{ hover: true, focus: true, touch: true }}>
      <Text component="time" inherit dateTime={at} tabIndex={0}>
        {relativeText(date, now, i18n.language)}
      </Text>
    </Tooltip>
  );
}

/** A moment as date and time on the reader's clock. */
export function FullMoment({ at }: { readonly at: string }) {
  const { i18n } = useTranslation();
  return (
    <Text component="time" inherit dateTime={at}>
      {fullText(new Date(at), i18n.language)}
    </Text>
  );
}
