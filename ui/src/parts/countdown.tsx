import { Text, Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { fullText, useNow } from './moment.tsx';

/** `14:05` minutes and seconds, `3:04:05` with hours, in whole seconds; never less than nothing. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours = 0, minutes = 0, rest = 0] = parts;
  const padded = (part: number) => String(part).padStart(2, '0');
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}

/** What is left until a moment, counting down; the moment itself on focus. */
export function Countdown({ until }: { readonly until: string }) {
  const { i18n } = useTranslation();
  const now = useNow();
  const end = new Date(until);
  return (
    <Tooltip label={fullText(end, i18n.language)} events={{ hover: true, focus: true, touch: true }}>
      <Text component="time" inherit dateTime={until} tabIndex={0} role="timer">
        {clockText(end.getTime() - now)}
      </Text>
    </Tooltip>
  );
}
