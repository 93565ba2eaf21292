import type { Span } from '../../domain/body.ts';
import type { Token } from '../../json/scanned-token.ts';
import { spanOf } from './urgency-places.ts';

/** Members of the outermost object that have the prompt, in the APIs of completions, chat, Responses and Messages. */
export const promptMembers = ['messages', 'input', 'system', 'instructions', 'prompt'] as const;

/** More parts are not needed to recognise a prompt by its beginning. */
const mostParts = 8;

/** Finds the parts of the prompt, in the order in which they stand. */
export class PromptPlaces {
  readonly spans: Span[] = [];
  /** The begin of an object or array that is such a member. */
  #from: number | null = null;

  opened(depth: number, atByte: number): void {
    if (depth === 2) this.#from = atByte;
  }

  /** An object or array that is a member of the outermost object ends with this byte. */
  closed(atByte: number): void {
    if (this.#from !== null) this.#add({ from: this.#from, to: atByte + 1 });
    this.#from = null;
  }

  value(depth: number, token: Token): void {
    if (depth === 1) this.#add(spanOf(token));
  }

  #add(span: Span): void {
    if (this.spans.length < mostParts) this.spans.push(span);
  }
}
