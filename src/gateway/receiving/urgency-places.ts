import { type Span, type UrgencyMember, urgencyMembers } from '../../domain/body.ts';
import { errors } from '../../domain/errors.ts';
import type { Token } from '../../json/scanned-token.ts';

/** A body that repeats a name more often than this is not meant to be read. */
export const mostRepeated = 8;

/** Finds the members of the outermost object that set the urgency; names are places in `urgencyMembers`, from 1. */
export class UrgencyPlaces {
  readonly spans: Record<UrgencyMember, Span[]> = { priority: [], service_tier: [] };
  /** For an object or array that is a value: its name, and its begin. */
  #open: { readonly name: number; readonly from: number } | null = null;

  opened(name: number, depth: number, from: number): void {
    if (depth === 2) this.#open = { name, from };
  }

  /** An object or array that is a member of the outermost object, or an element in it, ends with this byte. */
  closed(atByte: number): void {
    if (this.#open !== null) this.#add(this.#open.name, { from: this.#open.from, to: atByte + 1 });
    this.#open = null;
  }

  value(name: number, depth: number, token: Token): void {
    if (depth === 1) this.#add(name, spanOf(token));
  }

  #add(name: number, span: Span): void {
    const member = urgencyMembers[name - 1];
    if (member === undefined) return;
    const spans = this.spans[member];
    if (spans.length === mostRepeated) {
      throw errors.invalidRequest(`The field \`${member}\` stands more than ${mostRepeated} times.`, member);
    }
    spans.push(span);
  }
}

/** A string's quotes are part of it. */
export const spanOf = ({ atByte, bytes, isString }: Token): Span => ({
  from: atByte,
  to: atByte + bytes + (isString ? 2 : 0),
});
