import type { TFunction } from 'i18next';
import { ApiError } from '../api/client.ts';
import { errorText } from './states.tsx';

/**
 * Sorts the gateway's errors by field: `param` names the field at fault. Errors of a field that the form does not show
 * are under `form`.
 */
export function formErrors<Field extends string>(
  error: unknown,
  fields: readonly Field[],
  t: TFunction,
): Partial<Record<Field | 'form', string>> {
  if (error === null || error === undefined) return {};
  const param = error instanceof ApiError ? error.param : null;
  const field = fields.find(name => name === param || param?.startsWith(`${name}.`) || param?.startsWith(`${name}[`));
  const text = errorText(error, t);
  // Several fields at fault come as one message, with a part for each, and `param` names the first.
  const parts = text.split('; ').map(part => [fields.find(name => part.startsWith(`${name} `)), part]);
  const isForEach = field !== undefined && parts.every(([name]) => name !== undefined);
  return (isForEach ? Object.fromEntries(parts) : { [field ?? 'form']: text }) as Partial<
    Record<Field | 'form', string>
  >;
}
