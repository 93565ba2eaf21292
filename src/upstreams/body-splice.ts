/**
 * Rewrites the body of a request for its upstream, where it must be: `model`, if the provider has another name for it, and
 * the level of the request, if `forward_priority` is set. All members of such a name are replaced, because of two equal
 * names some readers take the first, others the last. If there is none for the level, the member is added as the last one.
 * All other bytes stay unchanged.
 *
 *   vllm          "priority": p               lower is earlier (--scheduling-policy priority)
 *   sglang        "priority": 200 − 20·p      higher is earlier; steps beyond the pre-emption threshold of 10
 *   service_tier  openai: P0–P2 "priority", P3–P7 "default", P8–P9 "flex"
 *                 anthropic: P0–P2 "auto" (Priority Tier where it is bought), P3–P9 "standard_only"
 *
 * Vendors answer 400 to an unknown field, so the level is sent only on the routes that have it.
 */
import type { ForwardPriority } from '../config/config.ts';
import type { Body, BodyPlaces, Span, UrgencyMember } from '../domain/body.ts';
import type { Dialect, Level } from '../domain/vocabulary.ts';
import { type Replacement, withTexts } from './replacement.ts';

interface Spliced {
  readonly dialect: Dialect;
  /** The path and query below the provider's base_url. */
  readonly path: string;
  readonly level: Level;
  /** The name in the body. */
  readonly model: string;
  /** The name that the provider has for it. */
  readonly upstreamModel: string;
  readonly body: Body | null;
  readonly bodyPlaces: BodyPlaces;
}

/** Returns the body as the upstream is to get it; the original body if nothing in it has to be another. */
export function bodyForUpstream(how: ForwardPriority | null, call: Spliced): Body | null {
  const { body, model, upstreamModel } = call;
  if (body === null || (how === null && model === upstreamModel)) return body;
  const replaced = [...modelTexts(call), ...levelTexts(how, call)];
  return replaced.length === 0 ? body : withTexts(body, replaced.sort(byPlace));
}

const byPlace = (one: Span, other: Span): number => one.from - other.from;

function modelTexts({ model, upstreamModel, bodyPlaces }: Spliced): Replacement[] {
  if (model === upstreamModel) return [];
  const text = bodyPlaces.isForm ? upstreamModel : JSON.stringify(upstreamModel);
  return bodyPlaces.model.map(span => ({ ...span, text }));
}

function levelTexts(how: ForwardPriority | null, call: Spliced): Replacement[] {
  const member = how === null ? null : levelMember(how, call);
  if (member === null) return [];
  const { urgency, closedAt } = call.bodyPlaces;
  const written = urgency[member.name];
  if (written.length > 0) return written.map(span => ({ ...span, text: member.value }));
  // The object is not empty: it has `model` at least.
  return [{ from: closedAt, to: closedAt, text: `,"${member.name}":${member.value}` }];
}

const worstOfBestTier = 2;
const worstOfMiddleTier = 7;
const tieredRoute = /^\/(?:chat\/completions|responses|v1\/messages)(?:\?|$)/;
const queuedRoute = /^\/(?:chat\/completions|completions|embeddings|responses|v1\/messages)(?:\?|$)/;

interface LevelMember {
  readonly name: UrgencyMember;
  /** As JSON. */
  readonly value: string;
}

function levelMember(how: ForwardPriority, { dialect, path, level }: Spliced): LevelMember | null {
  switch (how) {
    case 'vllm':
      return queuedRoute.test(path) ? { name: 'priority', value: String(level) } : null;
    case 'sglang':
      return queuedRoute.test(path) ? { name: 'priority', value: String(200 - 20 * level) } : null;
    case 'service_tier':
      return tieredRoute.test(path) ? { name: 'service_tier', value: `"${tierOf(dialect, level)}"` } : null;
    default:
      return how satisfies never;
  }
}

function tierOf(dialect: Dialect, level: Level): string {
  if (dialect === 'anthropic') return level <= worstOfBestTier ? 'auto' : 'standard_only';
  if (level <= worstOfBestTier) return 'priority';
  return level <= worstOfMiddleTier ? 'default' : 'flex';
}
