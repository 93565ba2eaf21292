import { errors } from '../domain/errors.ts';

/** Trimmed and lower-cased; throws for what cannot be an e-mail. No dot is needed: `admin@local`. */
export function parseEmail(text: string): string {
  const email = text.trim().toLowerCase();
  const parts = email.split('@');
  const isPlain = !/\p{Cc}/u.test(email);
  const isEmail =
    isPlain && email.length >= 3 && email.length <= 254 && parts.length === 2 && parts.every(part => part !== '');
  if (!isEmail) {
    throw errors.invalidRequest(
      'email must be 3 to 254 characters with exactly one @, text on both sides and no control characters.',
      'email',
    );
  }
  return email;
}
