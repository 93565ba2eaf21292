/** Reads from a form the fields that the gateway needs, while it comes in. */
import { isUtf8 } from 'node:buffer';
import { noPlaces, type Span } from '../../../domain/body.ts';
import { errors } from '../../../domain/errors.ts';
import type { ScannedBody } from '../body-scan.ts';
import type { Media } from '../media-meter.ts';
import type { PartHead } from './part-head.ts';
import { PartScan, type PartVisitor } from './part-scan.ts';

const longestFieldBytes = 1024;
type Field = 'model' | 'stream';
const isField = (name: string): name is Field => name === 'model' || name === 'stream';
/** Of images that say nothing of their type. */
const imageName = /^(?:image|mask)(?:\[|$)/;
const truths: Readonly<Record<string, boolean>> = { '': false, true: true, '1': true, false: false, '0': false };

export class FormScan {
  readonly #fields = new FormFields();
  readonly #parts: PartScan;
  readonly #needsModel: boolean;
  #isEmpty = true;

  constructor(boundary: string, needsModel: boolean) {
    this.#parts = new PartScan(boundary, this.#fields);
    this.#needsModel = needsModel;
  }

  /** Throws `invalid_request` as soon as there is a fault that no further byte can cure. */
  push(piece: Buffer): void {
    this.#isEmpty = false;
    this.#parts.push(piece);
  }

  /** Ends the body. Throws `invalid_request`, with the field in `param` if there is one. */
  end(): ScannedBody {
    if (this.#isEmpty) throw errors.invalidRequest('The request body is empty.');
    this.#parts.end();
    const { model, stream, media, modelPlaces } = this.#fields;
    if (model === '' || (model === null && this.#needsModel)) {
      const fault = model === '' ? 'must not be empty' : 'is missing';
      throw errors.invalidRequest(`The field \`model\` ${fault}.`, 'model');
    }
    const places = { ...noPlaces, model: modelPlaces, isForm: true };
    const prompt = { parts: [], cacheKey: null };
    return { model: model ?? '', stream, outputLimit: null, leavesTraces: false, prompt, media, places };
  }
}

class FormFields implements PartVisitor {
  readonly media = { bytes: 0, images: 0, otherBytes: 0 } satisfies Media;
  /** Null without one. */
  model: string | null = null;
  stream = false;
  readonly modelPlaces: Span[] = [];
  #part: PartHead | null = null;
  #contentAt = 0;
  /** The first bytes of a field, and perhaps of what follows it. */
  #kept: Buffer[] = [];
  #keptBytes = 0;

  began(head: PartHead, atByte: number): void {
    if (head.isFile && isField(head.name)) {
      throw errors.invalidRequest(`The field \`${head.name}\` must be a text, not a file.`, head.name);
    }
    this.#part = head;
    this.#contentAt = atByte;
    this.#kept = [];
    this.#keptBytes = 0;
  }

  came(piece: Buffer, from: number): void {
    const missing = longestFieldBytes - this.#keptBytes;
    if (this.#part === null || !isField(this.#part.name) || missing === 0) return;
    const kept = piece.subarray(from, from + missing);
    this.#kept.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
  }

  ended(atByte: number): void {
    const part = this.#part;
    if (part === null) return;
    this.#part = null;
    const bytes = atByte - this.#contentAt;
    if (part.isFile) this.#count(part, bytes);
    else if (isField(part.name)) this.#set(part.name, this.#textOf(part.name, bytes), atByte);
  }

  #count({ name, contentType }: PartHead, bytes: number): void {
    this.media.bytes += bytes;
    if (contentType.startsWith('image/') || imageName.test(name)) this.media.images++;
    else this.media.otherBytes += bytes;
  }

  #textOf(field: Field, bytes: number): string {
    const text = Buffer.concat(this.#kept).subarray(0, bytes);
    if (bytes <= longestFieldBytes && isUtf8(text)) return text.toString();
    throw errors.invalidRequest(`The field \`${field}\` must be a text in UTF-8 of at most 1,000 characters.`, field);
  }

  #set(field: Field, text: string, atByte: number): void {
    if (field === 'stream') {
      const stream = truths[text.toLowerCase()];
      if (stream === undefined) throw errors.invalidRequest('The field `stream` must be true or false.', 'stream');
      this.stream = stream;
      return;
    }
    if (this.model !== null && this.model !== text) {
      throw errors.invalidRequest('The form names two different models.', 'model');
    }
    this.model = text;
    this.modelPlaces.push({ from: this.#contentAt, to: atByte });
  }
}
