/** The zone of the browser. */
export const readerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** All zones; the browser's first. */
export const allZones = (): string[] => [...new Set([readerZone(), 'UTC', ...Intl.supportedValuesOf('timeZone')])];
