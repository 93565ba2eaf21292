/**
 * What a request finds in an upstream's cache if others like it went to the same endpoint, as hashes.
 *
 *   session   the first of: X-Session-Id, what agents send of theirs, `prompt_cache_key` in the body, the ID of the key
 *   prefix    the beginnings of the prompt, of 1, 4, 16, 64 and 256 KiB, as its bytes stand in the body: each of these
 *             only where the prompt is as long
 *
 * Every hash begins with the ID of the flow, and no other flow can make one that is equal: so no tenant can move the requests
 * of another to other endpoints, or learn from where its own go what another has sent (decision 0059).
 */
import { createHash, hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Body, Span } from '../domain/body.ts';
import type { Affinity } from '../domain/vocabulary.ts';
import { hashBits, type Warmth } from '../domain/warmth.ts';
import type { Prompt } from './receiving/body-scan.ts';

interface Sent {
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
  readonly prompt: Prompt;
  readonly flowId: string;
  /** Null: it has no key. */
  readonly keyId: number | null;
}

/** Claude Code's; Codex' of today and of before. */
const sessionHeaders = ['x-session-id', 'x-claude-code-session-id', 'session-id', 'session_id'] as const;

const KiB = 1024;
const beginnings = [KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB] as const;

/** Null where the provider has no affinity. */
export type WarmthBy = (affinity: Affinity) => Warmth | null;

/** Returns what a request is warm by; each is computed when it is first asked for. */
export function warmthOf(sent: Sent): WarmthBy {
  let session: Warmth | null = null;
  let prefix: Warmth | null = null;
  return affinity => {
    switch (affinity) {
      case 'none':
        return null;
      case 'session':
        session ??= { by: affinity, hashes: sessionHashes(sent) };
        return session;
      case 'prefix':
        prefix ??= { by: affinity, hashes: prefixHashes(sent) };
        return prefix;
      default:
        return affinity satisfies never;
    }
  };
}

function sessionHashes(sent: Sent): number[] {
  const session = sessionOf(sent);
  return session === null ? [] : [numberOf(hash(algorithm, startOf(sent.flowId) + session, 'buffer'))];
}

/** Each kind of name has its own beginning, so that none of them can stand for one of another kind. */
function sessionOf({ headers, prompt, keyId }: Sent): string | null {
  for (const name of sessionHeaders) if (headers[name]) return `id ${headers[name]}`;
  if (prompt.cacheKey !== null) return `cache ${prompt.cacheKey}`;
  return keyId === null ? null : `key ${keyId}`;
}

/** Each byte is hashed once: a longer beginning goes on from the hash of the shorter one. */
function prefixHashes({ body, prompt, flowId }: Sent): number[] {
  const hashes: number[] = [];
  let running = createHash(algorithm).update(startOf(flowId));
  let hashed = 0;
  for (const part of partsOf(body, prompt.parts)) {
    for (let at = 0; at < part.length; ) {
      const due = beginnings[hashes.length];
      if (due === undefined) return hashes;
      const next = part.subarray(at, at + due - hashed);
      running.update(next);
      at += next.length;
      hashed += next.length;
      if (hashed < due) continue;
      const digest = running.digest();
      hashes.push(numberOf(digest));
      running = createHash(algorithm).update(digest);
    }
  }
  return hashes;
}

const algorithm = 'sha256';
/** Its length first, so that no flow's ID and what follows look like those of another. */
const startOf = (flowId: string): string => `${flowId.length} ${flowId} `;
const numberOf = (digest: Buffer): number => digest.readUIntBE(0, hashBits / 8);

/** The bytes of the spans, in pieces; the spans are in order. */
function* partsOf({ pieces }: Body, spans: readonly Span[]): Generator<Buffer> {
  let before = 0;
  let next = 0;
  for (const piece of pieces) {
    const end = before + piece.length;
    for (let span = spans[next]; span !== undefined && span.from < end; span = spans[++next]) {
      yield piece.subarray(Math.max(0, span.from - before), span.to - before);
      // The rest is in the next piece.
      if (span.to > end) break;
    }
    before = end;
  }
}
