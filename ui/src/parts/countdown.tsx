import { useEachSecond } from './each-second.ts';
import { Time } from './moment.tsx';

/** Formats `14:05` minutes and seconds, or `3:04:05` with hours, in whole seconds; never negative. */
function clockText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours = 0, minutes = 0, rest = 0] = parts;
  const padded = (part: number) => String(part).padStart(2, '0');
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}

/** The time left until a moment, counting down. */
export function Countdown({ until }: { readonly until: string }) {
  return (
    <Time at={until} role="timer">
      {useTimeLeft(until)}
    </Time>
  );
}

/** `clockAheadMs`: how far the clock of `until` is ahead of this browser's. */
export const useTimeLeft = (until: string, clockAheadMs = 0): string =>
  useEachSecond(() => clockText(Date.parse(until) - Date.now() - clockAheadMs));
