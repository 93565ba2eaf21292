/** Signing in to the console with an admin's key, and the data of the session. */
import { type Static, Type } from 'typebox';
import { userRow } from '../../../db/schema.ts';
import { field, fields, moment } from '../../../domain/shape.ts';
import { editions, maxKeyBytes } from '../../../domain/vocabulary.ts';

/** Sent with the cookie on every request that changes something; a foreign page cannot send it. */
export const consoleHeader = 'X-Tokligence-Console';

/** Marks requests of the console while nobody uses it; they do not keep a session from being idle. */
export const unattendedHeader = 'X-Tokligence-Unattended';

/** As long as a key may be; a text that is no key is answered 401 like a wrong one. */
export const newSession = fields({
  key: field(
    Type.String({ minLength: 1, maxLength: maxKeyBytes }),
    `an admin's API key, of at most ${maxKeyBytes} characters`,
  ),
});

const { id, email, role, display_name } = userRow.properties;
export const session = fields({
  user: fields({ id, email, role, display_name }),
  edition: Type.Enum([...editions]),
  version: Type.String(),
  signed_in_at: moment,
  /** The session's end if no further request comes; each request of an attended page moves it. */
  idle_expires_at: moment,
  /** The latest end. */
  expires_at: moment,
});

export type Session = Static<typeof session>;
