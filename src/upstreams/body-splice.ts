/**
 * Tells an upstream the level of a request, where `forward_priority` asks for it, as the last member of
 * the body's object: whoever reads JSON takes the last of two members of one name, so what the client
 * wrote there counts for nothing. The body is cut open at its last brace; all its bytes stay.
 *
 *   vllm          "priority": p               lower is earlier (--scheduling-policy priority)
 *   sglang        "priority": 200 − 20·p      higher is earlier; steps beyond the pre-emption threshold of 10
 *   service_tier  openai: P0–P2 "priority", P3–P7 "default", P8–P9 "flex"
 *                 anthropic: P0–P2 "auto" (Priority Tier where it is bought), P3–P9 "standard_only"
 *
 * A field that a vendor does not know is a 400 there, so it is sent on the routes that have it only.
 */
import type { ForwardPriority } from '../config/config.ts';
import type { Body } from '../domain/body.ts';
import type { Dialect, Level } from '../domain/vocabulary.ts';

interface Spliced {
  readonly dialect: Dialect;
  /** Path and query below the provider's base_url. */
  readonly path: string;
  readonly level: Level;
  readonly body: Body | null;
  /** Where the brace stands that closes the body's object. */
  readonly bodyClosedAt: number;
}

/** The body with the level in it; the very body where this route has no place for it. */
export function bodyWithLevel(how: ForwardPriority, call: Spliced): Body | null {
  const member = levelMember(how, call);
  return call.body === null || member === null ? call.body : withLastMember(call.body, call.bodyClosedAt, member);
}

const worstOfBestTier = 2;
const worstOfMiddleTier = 7;
const tieredRoute = /^\/(?:chat\/completions|responses|v1\/messages)(?:\?|$)/;
const queuedRoute = /^\/(?:chat\/completions|completions|embeddings|responses|v1\/messages)(?:\?|$)/;

function levelMember(how: ForwardPriority, { dialect, path, level }: Spliced): string | null {
  switch (how) {
    case 'vllm':
      return queuedRoute.test(path) ? `"priority":${level}` : null;
    case 'sglang':
      return queuedRoute.test(path) ? `"priority":${200 - 20 * level}` : null;
    case 'service_tier':
      return tieredRoute.test(path) ? `"service_tier":"${tierOf(dialect, level)}"` : null;
    default:
      return how satisfies never;
  }
}

function tierOf(dialect: Dialect, level: Level): string {
  if (dialect === 'anthropic') return level <= worstOfBestTier ? 'auto' : 'standard_only';
  if (level <= worstOfBestTier) return 'priority';
  return level <= worstOfMiddleTier ? 'default' : 'flex';
}

/** The object has members already: `model` at least. `closedAt` is where its last brace stands. */
export function withLastMember({ pieces, bytes }: Body, closedAt: number, member: string): Body {
  const added = Buffer.from(`,${member}`);
  const spliced: Buffer[] = [];
  let before = 0;
  for (const piece of pieces) {
    const at = closedAt - before;
    if (at >= 0 && at < piece.length) spliced.push(piece.subarray(0, at), added, piece.subarray(at));
    else spliced.push(piece);
    before += piece.length;
  }
  return { pieces: spliced, bytes: bytes + added.length };
}
