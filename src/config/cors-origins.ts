import { list, type Parser } from './values.ts';

export type CorsOrigins = 'any' | ReadonlySet<string>;

/** Of other schemes (`tauri://localhost`, `chrome-extension://…`) an origin is what stands there. */
const written = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,*]+$/i;

/** As browsers send it; null for a text that is no origin. */
function originIn(text: string): string | null {
  if (!written.test(text)) return null;
  if (!/^https?:/i.test(text)) return text;
  const url = URL.parse(text);
  return url === null ? null : url.origin;
}

/** `[gateway] cors_origins`. */
export const corsOrigins: Parser<CorsOrigins> = list(
  '* or origins such as https://app.example.com (scheme and host, a port where it is not the usual one, no path)',
  parts => {
    if (parts.length === 1 && parts[0] === '*') return 'any';
    const origins = parts.map(originIn).filter(origin => origin !== null);
    return origins.length === parts.length ? new Set(origins) : undefined;
  },
);
