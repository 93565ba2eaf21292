/**
 * Conversations of several tenants, whose prompts grow. Each begins with the system prompt of its tenant, which all
 * conversations of it share; a question is added, then the answer and the next question. Tenants are busy by Zipf's law.
 * A conversation is the same wherever its requests go.
 */
import type { Body } from '../../src/domain/body.ts';
import { BodyScan, type Prompt } from '../../src/gateway/receiving/body-scan.ts';
import { Random } from '../sim/random.ts';

const KiB = 1024;
export const bytesPerToken = 4;
/** One is a block of the cache, of 256 tokens. */
const blockBytes = KiB;
const mostPromptBytes = 96 * KiB;
const pauseSec = 20;
const tenants = 12;
const blocksOfOwner = 10_000;

const systemBytes = Array.from({ length: tenants }, (_, tenant) => (2 + ((tenant * 7) % 23)) * KiB);
const shares = Array.from({ length: tenants }, (_, rank) => 1 / (rank + 1));

export class Conversation {
  readonly id: number;
  readonly tenant: number;
  #system: string;
  #messages: string[] = [];
  #bytes: number;
  #turnsLeft: number;
  readonly #random: Random;

  constructor(id: number, seed: number) {
    const random = new Random(seed * 1_000_003 + id);
    this.#random = random;
    this.id = id;
    this.tenant = drawn(shares, random);
    const bytes = systemBytes[this.tenant] ?? KiB;
    this.#system = filled(`You serve tenant ${this.tenant}. `, bytes);
    this.#bytes = bytes;
    // Eight questions in the mean.
    this.#turnsLeft = 1 + Math.floor(random.exponential(7.5));
    this.#say(512 + random.integer(4 * KiB));
  }

  get isOver(): boolean {
    return this.#turnsLeft <= 0 || this.#bytes > mostPromptBytes;
  }

  /** Of whole blocks. */
  get blocks(): number[] {
    const ofSystem = Math.floor((systemBytes[this.tenant] ?? 0) / blockBytes);
    return Array.from({ length: Math.floor(this.#bytes / blockBytes) }, (_, nth) =>
      nth < ofSystem ? this.tenant * blocksOfOwner + nth : (tenants + this.id) * blocksOfOwner + nth,
    );
  }

  answerTokens(): number {
    return 100 + this.#random.integer(500);
  }

  /** Goes on after a pause, unless it is over; returns the pause. */
  answered(tokens: number): number {
    this.#say(tokens * bytesPerToken);
    this.#turnsLeft--;
    return this.#random.exponential(pauseSec) * 1000;
  }

  askOn(): void {
    this.#say(256 + this.#random.integer(6 * KiB));
  }

  /** As a client sends it. */
  request(): { readonly body: Body; readonly prompt: Prompt } {
    const messages = this.#messages.map((content, nth) => ({ role: nth % 2 === 0 ? 'user' : 'assistant', content }));
    const all = [{ role: 'system', content: this.#system }, ...messages];
    const bytes = Buffer.from(JSON.stringify({ model: 'm', messages: all, stream: true }));
    const scan = new BodyScan();
    scan.push(bytes);
    return { body: { pieces: [bytes], bytes: bytes.length }, prompt: scan.end().prompt };
  }

  #say(bytes: number): void {
    this.#messages.push(filled(`${this.id}/${this.#messages.length} `, bytes));
    this.#bytes += bytes;
  }
}

const filled = (text: string, bytes: number): string => text.repeat(Math.ceil(bytes / text.length)).slice(0, bytes);

function drawn(weights: readonly number[], random: Random): number {
  let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex(weight => {
      left -= weight;
      return left < 0;
    }),
  );
}
