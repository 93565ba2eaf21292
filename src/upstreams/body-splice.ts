/**
 * Writes the level of a request into the body for the upstream, if `forward_priority` is set. All members of that name
 * are replaced, because of two equal names some readers take the first, others the last. If there is none, the member is
 * added as the last one. All other bytes stay unchanged.
 *
 *   vllm          "priority": p               lower is earlier (--scheduling-policy priority)
 *   sglang        "priority": 200 − 20·p      higher is earlier; steps beyond the pre-emption threshold of 10
 *   service_tier  openai: P0–P2 "priority", P3–P7 "default", P8–P9 "flex"
 *                 anthropic: P0–P2 "auto" (Priority Tier where it is bought), P3–P9 "standard_only"
 *
 * Vendors answer 400 to an unknown field, so it is sent only on the routes that have it.
 */
import type { ForwardPriority } from '../config/config.ts';
import type { Body, BodyPlaces, Span, UrgencyMember } from '../domain/body.ts';
import type { Dialect, Level } from '../domain/vocabulary.ts';

interface Spliced {
  readonly dialect: Dialect;
  /** The path and query below the provider's base_url. */
  readonly path: string;
  readonly level: Level;
  readonly body: Body | null;
  readonly bodyPlaces: BodyPlaces;
}

/** Returns the body with the level in it; the original body if this route has no member for it. */
export function bodyWithLevel(how: ForwardPriority, call: Spliced): Body | null {
  const { body, bodyPlaces } = call;
  const member = levelMember(how, call);
  if (body === null || member === null) return body;
  const written = bodyPlaces.urgency[member.name];
  if (written.length > 0)
    return withTexts(
      body,
      written.map(span => ({ ...span, text: member.value })),
    );
  const { closedAt } = bodyPlaces;
  // The object is not empty: it has `model` at least.
  return withTexts(body, [{ from: closedAt, to: closedAt, text: `,"${member.name}":${member.value}` }]);
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

interface Replacement extends Span {
  readonly text: string;
}

/** The replaced spans are in order and do not overlap; an empty span is an insertion point. */
function withTexts({ pieces, bytes }: Body, replaced: readonly Replacement[]): Body {
  const spliced: Buffer[] = [];
  let size = bytes;
  let next = 0;
  let before = 0;
  /** The end of what is written or replaced so far. */
  let done = 0;
  for (const piece of pieces) {
    const end = before + piece.length;
    const keep = (to: number) => {
      const from = Math.max(done, before);
      if (from < to) spliced.push(piece.subarray(from - before, to - before));
    };
    for (let at = replaced[next]; at !== undefined && at.from < end; at = replaced[++next]) {
      keep(at.from);
      const text = Buffer.from(at.text);
      spliced.push(text);
      size += text.length - (at.to - at.from);
      done = at.to;
    }
    keep(end);
    before = end;
  }
  return { pieces: spliced, bytes: size };
}
