/** An e-mail address as it is stored, trimmed and in lower case; null: it is none. No dot is needed: `admin@local`. */
export function emailOf(text: string): string | null {
  const email = text.trim().toLowerCase();
  const parts = email.split('@');
  const isEmail =
    email.length <= 254 && parts.length === 2 && parts.every(part => part !== '') && !/\p{Cc}/u.test(email);
  return isEmail ? email : null;
}
