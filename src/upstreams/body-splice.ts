/**
 * Tells an upstream the level of a request, where `forward_priority` asks for it, as the last member of
 * the body's object: whoever reads JSON takes the last of two members of one name, so what the client
 * wrote there counts for nothing. The body is cut open at its last brace; all its other bytes stay.
 *
 *   vllm          "priority": p               lower is earlier (--scheduling-policy priority)
 *   sglang        "priority": 200 − 20·p      higher is earlier; steps beyond the pre-emption threshold of 10
 *   service_tier  openai: P0–P2 "priority", P3–P7 "default", P8–P9 "flex"
 *                 anthropic: P0–P2 "auto" (Priority Tier where it is bought), P3–P9 "standard_only"
 *
 * A field that a vendor does not know is a 400 there, so it is sent on the routes that have it only.
 */
import type { ForwardPriority } from '../config/config.ts';
import type { Dialect, Level } from '../domain/vocabulary.ts';

interface Spliced {
  readonly dialect: Dialect;
  /** Path and query below the provider's base_url. */
  readonly path: string;
  readonly level: Level;
  readonly body: Buffer | null;
}

/** The body with the level in it; the very body where this route has no place for it. */
export function bodyWithLevel(how: ForwardPriority, call: Spliced): Buffer | null {
  const member = levelMember(how, call);
  return call.body === null || member === null ? call.body : withLastMember(call.body, member);
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

const openBrace = 0x7b;
const closeBrace = 0x7d;

/** `body` is one JSON object, as gateway/body-scan.ts has seen; white space may stand around it. */
export function withLastMember(body: Buffer, member: string): Buffer {
  const end = body.lastIndexOf(closeBrace);
  let last = end - 1;
  while (isSpace(body[last])) last--;
  // Only an object without members has its opening brace there.
  const separator = body[last] === openBrace ? '' : ',';
  return Buffer.concat([body.subarray(0, end), Buffer.from(separator + member), body.subarray(end)]);
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
