/** The zone of the reader's clock. */
export const readerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** All that there are; the reader's first. */
export const allZones = (): string[] => [...new Set([readerZone(), 'UTC', ...Intl.supportedValuesOf('timeZone')])];
