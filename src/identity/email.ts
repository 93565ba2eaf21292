import { errors } from '../domain/errors.ts';
import { emailOf } from '../domain/text/email.ts';

/** Throws `invalid_request` for what cannot be an e-mail. */
export function parseEmail(text: string): string {
  const email = emailOf(text);
  if (email !== null) return email;
  throw errors.invalidRequest(
    'email must be 3 to 254 characters with exactly one @, text on both sides and no control characters.',
    'email',
  );
}
