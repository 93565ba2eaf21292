/*
 * Records of a worker's log on the pipe to the process that writes them: each is one line there, whatever line breaks are
 * in it, so that records of several workers are never mixed, and begins with a mark. What has no mark was written by
 * something else, such as a library.
 */
const important = '!';
const ordinary = '.';

/** Texts of a record are printable: it has no carriage return of its own. */
export const toPipe = (record: string, isImportant: boolean): string =>
  `${isImportant ? important : ordinary}${record.replaceAll('\n', '\r')}`;

export const fromPipe = (line: string): { readonly record: string; readonly isImportant: boolean } => {
  const isMarked = line.startsWith(important) || line.startsWith(ordinary);
  const record = isMarked ? line.slice(1).replaceAll('\r', '\n') : line;
  return { record, isImportant: line.startsWith(important) };
};
