/** Reads the list of models of one upstream, page by page, within bounds. */
import type { Client, Dispatcher } from 'undici';
import type { Clock } from '../../domain/clock.ts';
import { unpacked } from '../answer/unpacking.ts';
import { type ListedModel, listedModel } from './listed-model.ts';

/** For all pages together, like the bounds below. */
const timeoutMs = 5_000;
const maxBytes = 4 * 1024 * 1024;
const maxModels = 10_000;
const maxPages = 20;

interface ModelListRequest {
  readonly client: Client;
  readonly path: string;
  /** The query parameter that asks for the entries after an ID; null: the list has one page. */
  readonly cursor: string | null;
  readonly headers: readonly string[];
  /** The owner if the upstream names none. */
  readonly ownedBy: string;
  readonly clock: Clock;
}

/** The upstream has no such route, so it has no list. */
export class NoModelList extends Error {}

/** Fetches an upstream's models; rejects if the answer is late, too long or missing. */
export async function fetchModels(request: ModelListRequest): Promise<readonly ListedModel[]> {
  const late = new AbortController();
  const cancel = request.clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs / 1000} s`)));
  try {
    return await readPages(request, late.signal);
  } finally {
    cancel();
  }
}

async function readPages(request: ModelListRequest, signal: AbortSignal): Promise<ListedModel[]> {
  const { path, cursor, ownedBy } = request;
  const models: ListedModel[] = [];
  let bytesLeft = maxBytes;
  let after: string | null = null;
  for (let page = 0; page < maxPages && models.length < maxModels; page++) {
    const asked: string = after === null ? path : `${path}&${cursor}=${encodeURIComponent(after)}`;
    const text = await readPage(request, { path: asked, bytesLeft, signal });
    bytesLeft -= Buffer.byteLength(text);
    const list = parsed(text);
    models.push(...modelsIn(list, ownedBy).slice(0, maxModels - models.length));
    const next = cursor === null ? null : nextCursor(list);
    // A page that points to itself would be requested for ever.
    if (next === null || next === after) break;
    after = next;
  }
  return models;
}

interface PageRequest {
  readonly path: string;
  readonly bytesLeft: number;
  readonly signal: AbortSignal;
}

async function readPage({ client, headers }: ModelListRequest, { path, bytesLeft, signal }: PageRequest) {
  const answer = await client.request({ method: 'GET', path, headers: [...headers], signal });
  const { statusCode } = answer;
  if (statusCode === 200) return readText(answer, bytesLeft);
  await answer.body.dump();
  const hasNone = statusCode === 404 || statusCode === 405 || statusCode === 501;
  throw new (hasNone ? NoModelList : Error)(`it answered ${statusCode}`);
}

async function readText({ body, headers }: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error('it is too long');
    chunks.push(chunk);
  }
  return (await unpacked(Buffer.concat(chunks), headers['content-encoding'], maxBytes)).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's message would repeat the content.
    throw new Error('it is not JSON');
  }
}

/** Accepts bare arrays, OpenAI's and Anthropic's `data`, and `models` of others. */
function modelsIn(list: unknown, ownedBy: string): ListedModel[] {
  const entries = [list, member(list, 'data'), member(list, 'models')].find(Array.isArray);
  if (entries === undefined) throw new Error('it is no list of models');
  return entries
    .slice(0, maxModels)
    .map((entry: unknown) => soundEntry(entry, ownedBy))
    .filter(model => model !== null);
}

/** An entry that is nested too deeply to be serialised is omitted alone. */
function soundEntry(entry: unknown, ownedBy: string): ListedModel | null {
  try {
    return listedModel(entry, ownedBy);
  } catch {
    return null;
  }
}

function nextCursor(list: unknown): string | null {
  const last = member(list, 'last_id');
  return member(list, 'has_more') === true && typeof last === 'string' && last !== '' ? last : null;
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
