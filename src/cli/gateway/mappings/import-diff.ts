/** Shows the changes of an import, row by row, as a diff. */
import { styleText } from 'node:util';
import { diffLines } from 'diff';
import { stringify } from 'yaml';
import type { Imported } from '../../../http/admin/contract/transfer.ts';
import { shownPattern, visible } from '../output.ts';

type ImportChange = Imported['changes'][number];
type Row = NonNullable<ImportChange['after']>;

type Paint = (color: 'red' | 'green' | 'cyan', text: string) => string;
export const paintFor = (stream: NodeJS.WriteStream): Paint =>
  stream.isTTY === true && !process.env.NO_COLOR
    ? (color, text) => styleText(color, text, { validateStream: false })
    : (_, text) => text;

/** Returns one block per row: its heading, then the removed (-) and added (+) fields among the unchanged ones. */
export function importDiff(changes: readonly ImportChange[], paint: Paint): string {
  return changes
    .map(change => {
      const parts = diffLines(fieldsOf(change.before), fieldsOf(change.after));
      const lines = parts.flatMap(({ added, removed, value }) => {
        const mark = added ? '+' : removed ? '-' : ' ';
        const color = added ? 'green' : 'red';
        const marked = value
          .split('\n')
          .filter(line => line !== '')
          .map(line => `${mark}   ${visible(line)}`);
        return mark === ' ' ? marked : marked.map(line => paint(color, line));
      });
      return `${paint('cyan', heading(change))}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function heading({ action, id, before, after }: ImportChange): string {
  const row = after ?? before;
  const named = row === null ? '' : ` ${row.match_type} ${visible(shownPattern(row))}`;
  return `@@ ${action}${id === null ? '' : ` ${id}`}${named} @@`;
}

const fieldsOf = (row: Row | null): string =>
  row === null
    ? ''
    : stringify(Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)), { lineWidth: 0 });
