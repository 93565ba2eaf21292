/** Signing in to the console with an admin's key, and what is told of the session. */
import { type Static, Type } from 'typebox';
import { userRow } from '../../../db/schema.ts';
import { fields, moment } from '../../../domain/shape.ts';
import { editions, maxKeyBytes } from '../../../domain/vocabulary.ts';
import { field } from './contract.ts';

/** Beside the cookie, on every request that changes something; a foreign page cannot send it. */
export const consoleHeader = 'X-Tokligence-Console';

/** What the console asks while nobody sits before it carries this; it keeps no session from being idle. */
export const unattendedHeader = 'X-Tokligence-Unattended';

/** As long as a key may be; what is no key at all is 401 like any other. */
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
  /** When it ends if nothing more is asked; each request of somebody who is there moves it. */
  idle_expires_at: moment,
  /** When it ends in any case. */
  expires_at: moment,
});

export type Session = Static<typeof session>;
