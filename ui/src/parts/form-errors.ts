import type { TFunction } from 'i18next';
import { ApiError } from '../api/client.ts';
import { errorText } from './states.tsx';

/**
 * What the gateway said of a form, by field: `param` names the field at fault. What belongs to no field that the form
 * shows stands under `form`.
 */
export function formErrors<Field extends string>(
  error: unknown,
  fields: readonly Field[],
  t: TFunction,
): Partial<Record<Field | 'form', string>> {
  if (error === null || error === undefined) return {};
  const param = error instanceof ApiError ? error.param : null;
  const field = fields.find(name => name === param || param?.startsWith(`${name}.`) || param?.startsWith(`${name}[`));
  return { [field ?? 'form']: errorText(error, t) } as Partial<Record<Field | 'form', string>>;
}
