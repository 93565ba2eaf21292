/**
 * Reads the fields that the gateway needs from a request's body while it comes in, without parsing the rest: the bytes
 * go upstream unchanged, and JSON.parse of a long prompt would cost more than everything else on the request path.
 *
 * Reads the fields below of the outermost object; deeper, only how much of the body is media (media-meter.ts).
 */
import { type BodyPlaces, urgencyMembers } from '../../domain/body.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import { MemberNames } from '../../json/member-names.ts';
import { endsTooEarly, MemberScan, type MemberVisitor, notAnObject } from '../../json/member-scan.ts';
import type { Token } from '../../json/scanned-token.ts';
import { type Media, MediaMeter, mediaNames } from './media-meter.ts';
import { ModelPlaces } from './model-places.ts';
import { UrgencyPlaces } from './urgency-places.ts';

export interface ScannedBody {
  /** Empty where none is named, and the vendor has one for such requests. */
  readonly model: string;
  readonly stream: boolean;
  /** The least of max_tokens, max_completion_tokens and max_output_tokens; null: not limited. */
  readonly outputLimit: number | null;
  /** `store` or `background` is true: the upstream keeps what comes of it, or goes on with it when nobody waits. */
  readonly leavesTraces: boolean;
  readonly media: Media;
  readonly places: BodyPlaces;
}

const limitFields = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const;
const traceFields = ['store', 'background'] as const;
const fields = ['model', 'stream', ...limitFields, ...traceFields] as const;
type Field = (typeof fields)[number];
const names = new MemberNames([...fields, ...mediaNames, ...urgencyMembers]);
const urgencyPlaces = fields.length + mediaNames.length;

const longestFieldBytes = 1024;
const notUrgent: BodyPlaces['urgency'] = { priority: [], service_tier: [] };
/** Replaces a value that no field may have. */
const unusable = {};

export class BodyScan {
  readonly #fields = new FieldVisitor();
  readonly #scan = new MemberScan(names, this.#fields, { isOneObject: true });
  readonly #needsModel: boolean;

  constructor({ needsModel = true }: { readonly needsModel?: boolean } = {}) {
    this.#needsModel = needsModel;
  }

  /** Throws `invalid_request` as soon as there is a fault that no further byte can cure. */
  push(piece: Buffer): void {
    if (!this.#scan.push(piece)) throw this.#malformed();
  }

  /** Ends the body. Throws `invalid_request`, with the field in `param` if there is one. */
  end(): ScannedBody {
    if (this.#scan.isEmpty) throw errors.invalidRequest('The request body is empty.');
    if (!this.#scan.end()) throw this.#malformed();
    const model = modelIn(this.#fields.values, this.#needsModel);
    this.#fields.models.checkAgree();
    return {
      model,
      stream: streamIn(this.#fields.values),
      outputLimit: outputLimitIn(this.#fields.values),
      leavesTraces: traceFields.some(field => this.#fields.values[field] === true),
      media: this.#fields.media,
      places: {
        closedAt: this.#scan.closedAt,
        model: this.#fields.models.spans,
        urgency: this.#fields.urgency?.spans ?? notUrgent,
      },
    };
  }

  #malformed(): GatewayError {
    const { what = '', atByte = 0 } = this.#scan.fault ?? {};
    if (what === notAnObject) return errors.invalidRequest('The request body must be a JSON object.');
    const where = what === endsTooEarly ? '' : ` (at byte ${atByte})`;
    return errors.invalidRequest(`The request body is not valid JSON: ${what}${where}.`);
  }
}

/** The values of the outermost object; of a repeated name the last, like JSON.parse. */
type Values = { [field in Field]?: unknown };

class FieldVisitor implements MemberVisitor {
  readonly keepBytes = longestFieldBytes;
  readonly values: Values = {};
  readonly media = new MediaMeter();
  readonly models = new ModelPlaces();
  /** Most bodies have no such member. */
  urgency: UrgencyPlaces | null = null;

  opened(name: number, depth: number, atByte: number): void {
    const field = fields[name - 1];
    if (name > urgencyPlaces) this.#urgent().opened(name - urgencyPlaces, depth, atByte);
    else if (field === undefined) this.media.opened(name - fields.length, depth);
    else if (depth === 2) this.#found(field, unusable);
  }

  closed(depth: number, atByte: number): void {
    this.media.closed(depth);
    if (depth === 2) this.urgency?.closed(atByte);
  }

  value(name: number, depth: number, token: Token): void {
    const field = fields[name - 1];
    if (name > urgencyPlaces) this.#urgent().value(name - urgencyPlaces, depth, token);
    else if (field === undefined) this.media.value(name - fields.length, depth, token);
    else if (depth === 1) {
      this.#found(field, token.bytes > longestFieldBytes ? unusable : parsedValue(field, token));
      if (field === 'model') this.models.add(token);
    }
  }

  #found(field: Field, value: unknown): void {
    if (field === 'model') this.models.found(value);
    this.values[field] = value;
  }

  #urgent(): UrgencyPlaces {
    this.urgency ??= new UrgencyPlaces();
    return this.urgency;
  }
}

function parsedValue(field: Field, token: Token): unknown {
  const { isString } = token;
  const text = token.text();
  if (isString && !text.includes('\\')) return text;
  try {
    return JSON.parse(isString ? `"${text}"` : text);
  } catch {
    throw errors.invalidRequest(`The request body is not valid JSON: the value of \`${field}\` is not valid.`, field);
  }
}

function modelIn({ model }: Values, isNeeded: boolean): string {
  if (!isNeeded && (model === undefined || model === null)) return '';
  if (model === undefined) throw errors.invalidRequest('The field `model` is missing.', 'model');
  if (typeof model === 'string' && model !== '') return model;
  throw errors.invalidRequest('The field `model` must be a non-empty string of at most 1,000 characters.', 'model');
}

function streamIn({ stream }: Values): boolean {
  if (stream === undefined || stream === null) return false;
  if (typeof stream === 'boolean') return stream;
  throw errors.invalidRequest('The field `stream` must be true or false.', 'stream');
}

function outputLimitIn(values: Values): number | null {
  let least: number | null = null;
  for (const field of limitFields) {
    const limit = values[field] ?? null;
    if (limit === null) continue;
    if (typeof limit !== 'number') throw errors.invalidRequest(`The field \`${field}\` must be a number.`, field);
    // Some engines take -1 for "no limit".
    if (limit >= 0) least = least === null ? limit : Math.min(least, limit);
  }
  return least;
}
