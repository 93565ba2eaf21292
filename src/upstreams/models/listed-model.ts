/**
 * One entry of an upstream's list of models, as clients are shown it: with all that the upstream says of it
 * (`max_model_len`, `pricing`, `capabilities`, …), and the members that a dialect's own clients rely on made sound.
 *
 *   OpenAI      id, object: "model", created (seconds, 0 where unknown), owned_by
 *   Anthropic   type: "model", id, display_name, created_at (1970 where unknown)
 */
import type { Dialect } from '../../domain/vocabulary.ts';

export interface ListedModel {
  readonly id: string;
  /** The entry as JSON. */
  readonly shown: Readonly<Record<Dialect, string>>;
}

/** The longest model name that requests may use. */
const longestIdChars = 1_000;

/**
 * Returns null for an entry that names no model. `ownedBy`: the owner if the upstream names none. Throws if the entry
 * cannot be serialised.
 */
export function listedModel(entry: unknown, ownedBy: string): ListedModel | null {
  const told = typeof entry === 'string' ? { id: entry } : entry;
  if (typeof told !== 'object' || told === null) return null;
  const members: Readonly<Record<string, unknown>> = { ...told };
  // Lists that are called `models` name their entries so.
  const id = members.id ?? members.name;
  if (typeof id !== 'string' || id === '' || id.length > longestIdChars) return null;
  const created = secondsOf(members.created) ?? secondsOf(members.created_at) ?? 0;
  return {
    id,
    shown: { openai: asOpenai(members, id, created, ownedBy), anthropic: asAnthropic(members, id, created) },
  };
}

function asOpenai(members: Readonly<Record<string, unknown>>, id: string, created: number, ownedBy: string): string {
  const { id: _id, object: _object, created: _created, owned_by, ...others } = members;
  const owner = typeof owned_by === 'string' ? owned_by : ownedBy;
  return JSON.stringify({ id, object: 'model', created, owned_by: owner, ...others });
}

function asAnthropic(members: Readonly<Record<string, unknown>>, id: string, created: number): string {
  const { type: _type, id: _id, display_name, created_at, ...others } = members;
  const name = [display_name, members.name].find(text => typeof text === 'string') ?? id;
  const isDate = typeof created_at === 'string' && secondsOf(created_at) !== null;
  const date = isDate ? created_at : new Date(created * 1000).toISOString().replace('.000Z', 'Z');
  return JSON.stringify({ type: 'model', id, display_name: name, created_at: date, ...others });
}

/** A larger number can only be milliseconds, or nonsense. */
const latestSeconds = 253_402_300_799;

/** Parses a date in any of the forms that lists use; null if it is none. */
function secondsOf(value: unknown): number | null {
  if (typeof value === 'string') return secondsIn(value.trim());
  if (typeof value !== 'number' || !(value >= 0)) return null;
  if (value <= latestSeconds) return Math.floor(value);
  return value <= latestSeconds * 1000 ? Math.floor(value / 1000) : null;
}

const dateWithoutZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;

/** A date without a zone is UTC, never the local time of this machine. */
function secondsIn(text: string): number | null {
  if (/^\d{1,15}(?:\.\d+)?$/.test(text)) return secondsOf(Number(text));
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null;
  const ms = Date.parse(dateWithoutZone.test(text) ? `${text}Z` : text);
  return ms >= 0 && ms <= latestSeconds * 1000 ? Math.floor(ms / 1000) : null;
}
