/**
 * Measures the base64 media in a request's body, whose size does not show the number of input tokens. Media are
 * recognised by their place, never by their content: text must not count as a picture.
 *
 *   Anthropic   "source": {"type": "base64", "media_type": "image/png", "data": …}, in any order of the three
 *   OpenAI      "input_audio": {"data": …}; "file_data": …, bare or as a data URI
 *   both        a data URI in the place of a URL: "url", "image_url", …
 */
import type { MediaRates } from '../../config/config.ts';
import type { Token } from '../../json/scanned-token.ts';

export interface Media {
  /** The bytes in the body as written. */
  readonly bytes: number;
  readonly images: number;
  /** The decoded bytes of media other than images. */
  readonly otherBytes: number;
}

export const mediaTokens = ({ images, otherBytes }: Media, { imageTokens, bytesPerToken }: MediaRates): number =>
  images * imageTokens + otherBytes / bytesPerToken;

export const mediaNames = [
  'source',
  'type',
  'media_type',
  'data',
  'input_audio',
  'file_data',
  'url',
  'image_url',
  'video_url',
  'audio_url',
  'file_url',
  'image',
  'images',
  'audio',
  'video',
] as const;

const placeOf = (name: (typeof mediaNames)[number]): number => mediaNames.indexOf(name) + 1;
const sourcePlace = placeOf('source');
const typePlace = placeOf('type');
const mediaTypePlace = placeOf('media_type');
const dataPlace = placeOf('data');
const inputAudioPlace = placeOf('input_audio');
const fileDataPlace = placeOf('file_data');

/** One Anthropic source; its kind is known when it is closed. */
interface Source {
  readonly depth: number;
  isBase64: boolean;
  isImage: boolean;
  dataBytes: number;
}

/** A visitor of the scan; names are places in `mediaNames`. */
export class MediaMeter implements Media {
  bytes = 0;
  images = 0;
  otherBytes = 0;
  #source: Source | null = null;
  #audioDepth = 0;

  opened(name: number, depth: number): void {
    if (name === sourcePlace) this.#source = { depth, isBase64: false, isImage: false, dataBytes: 0 };
    else if (name === inputAudioPlace) this.#audioDepth = depth;
  }

  closed(depth: number): void {
    if (depth === this.#audioDepth) this.#audioDepth = 0;
    if (depth !== this.#source?.depth) return;
    const { isBase64, isImage, dataBytes } = this.#source;
    if (isBase64) this.#count(dataBytes, isImage);
    this.#source = null;
  }

  value(name: number, depth: number, token: Token): void {
    if (!token.isString) return;
    const source = depth === this.#source?.depth ? this.#source : null;
    switch (name) {
      case typePlace:
        if (source !== null) source.isBase64 = token.text() === 'base64';
        return;
      case mediaTypePlace:
        if (source !== null) source.isImage = token.text().startsWith('image/');
        return;
      case dataPlace:
        if (source !== null) source.dataBytes += token.bytes;
        else if (depth === this.#audioDepth) this.#count(token.bytes, false);
        return;
      case fileDataPlace:
        this.#count(token.bytes, dataUriType(token)?.startsWith('image/') === true);
        return;
      default:
        this.#countDataUri(token);
    }
  }

  #countDataUri(token: Token): void {
    const type = dataUriType(token);
    if (type !== null) this.#count(token.bytes, type.startsWith('image/'));
  }

  #count(bytes: number, isImage: boolean): void {
    this.bytes += bytes;
    if (isImage) this.images++;
    else this.otherBytes += (bytes * 3) / 4;
  }
}

const base64Uri = /^data:([^,]{0,200});base64,/i;

/** Returns the media type of a base64 data URI; null for any other text. */
function dataUriType(token: Token): string | null {
  const [, type] = base64Uri.exec(token.text()) ?? [];
  return type?.toLowerCase() ?? null;
}
