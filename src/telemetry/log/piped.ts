/*
 * Records of a worker's log on the pipe to the process that writes them: each is one line there, whatever line breaks are
 * in it, so that records of several workers are never mixed, and begins with a mark. What has no mark was written by
 * something else, such as a library.
 */
const marks = { '!': 'important', '.': 'ordinary', '=': 'request' } as const;
type Mark = keyof typeof marks;
/** `request`: the line of a request. */
export type RecordKind = (typeof marks)[Mark];

const markOf: Readonly<Record<RecordKind, Mark>> = { important: '!', ordinary: '.', request: '=' };

const isMark = (text: string): text is Mark => Object.hasOwn(marks, text);

/** Texts of a record are printable: it has no carriage return of its own. */
export const toPipe = (record: string, kind: RecordKind): string => markOf[kind] + record.replaceAll('\n', '\r');

/** Whether it is a record, or the beginning of one. */
export const isRecord = (line: string): boolean => isMark(line.charAt(0));

export const fromPipe = (line: string): { readonly record: string; readonly kind: RecordKind } => {
  const mark = line.charAt(0);
  return isMark(mark)
    ? { record: line.slice(1).replaceAll('\r', '\n'), kind: marks[mark] }
    : { record: line, kind: 'ordinary' };
};
