/** Providers, their keys and routes as they are stored: what is written, and what is answered. */
import { type Static, Type } from 'typebox';
import { allProviderKeys, modelKeys } from '../../../config/keys.ts';
import { providerColumns, routeColumns } from '../../../db/schema.ts';
import { count, field, fields, listOf, nullable, ofEach } from '../../../domain/shape.ts';
import type { key, provider, providerFile, route } from '../../../providers/providers.ts';
import { description, text } from './contract.ts';

export { key, provider, providerFile, route } from '../../../providers/providers.ts';

const { Optional } = Type;
const flag = field(Type.Boolean(), 'true or false');
const value = nullable(
  Type.Union([
    Type.String({ maxLength: 8_192 }),
    Type.Number(),
    Type.Boolean(),
    Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 1_000 }),
  ]),
);
/** A field of this gateway's configuration; null: what the file or the default says. */
const ofFile = (names: readonly string[], keys: Readonly<Record<string, { readonly allowed: string }>>) =>
  ofEach(Object.fromEntries(names.filter(name => name in keys).map(name => [name, null])), name =>
    Optional(field(value, `${keys[name]?.allowed}, or null`)),
  );
const apiKey = field(Type.String({ minLength: 1, maxLength: 4_096 }), '1 to 4096 visible characters');

const shared = { enabled: Optional(flag), description };
const ofProvider = {
  ...ofFile([...providerColumns, 'base_url'], allProviderKeys),
  ...shared,
  api_key: Optional(apiKey),
};
const name = field(Type.String({ minLength: 1, maxLength: 256 }), 'a text of 1 to 256 characters');

export const newProvider = fields({ name, ...ofProvider });
export const providerPatch = fields(ofProvider);
/** `name`: of a provider whose stored settings and keys stand in for those that are absent. */
export const providerTrial = fields({ name: Optional(name), ...ofProvider, model: Optional(text(256)) });
export const triedProvider = fields({
  endpoints: listOf(
    fields({
      url: Type.String(),
      /** It has listed its models. */
      answers: Type.Boolean(),
      ms: count,
      models: listOf(Type.String()),
      models_left_out: count,
      error: nullable(Type.String()),
      /** The answer to one small request; null: none was asked for. */
      request: nullable(fields({ status: nullable(Type.Integer()), ms: count, error: nullable(Type.String()) })),
    }),
  ),
});

export const newKey = fields({ api_key: apiKey, description });
export const keyPatch = fields({
  set_aside: flag,
  why: Optional(field(Type.String({ maxLength: 255 }), 'a text of at most 255 characters')),
});
export const resealed = fields({ resealed: count, unchanged: count, master_key_id: Type.String() });

const ofRoute = { ...ofFile(routeColumns, modelKeys), ...shared };
export const newRoute = fields({ name, ...ofRoute });
export const routePatch = fields(ofRoute);

export const imported = fields({ providers: count, routes: count, dry_run: Type.Boolean() });

export type StoredProvider = Static<typeof provider>;
export type StoredKey = Static<typeof key>;
export type StoredRoute = Static<typeof route>;
export type TriedProvider = Static<typeof triedProvider>;
export type Resealed = Static<typeof resealed>;
export type StoredFile = Static<typeof providerFile>;
