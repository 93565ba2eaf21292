import type { Clock } from '../domain/clock.ts';
import type { ListedModel, Upstream } from './provider.ts';

/** Whether a model's name fits one of the names and globs. In a glob `*` stands for any text. */
export type ModelMatch = (model: string) => boolean;

/** Linear in the name's length, however many stars the glob has. */
export function modelMatch(globs: readonly string[]): ModelMatch {
  const names = new Set(globs.filter(glob => !glob.includes('*')));
  const patterns = globs.filter(glob => glob.includes('*')).map(glob => glob.split('*'));
  if (globs.includes('*')) return () => true;
  return model => names.has(model) || patterns.some(parts => fits(model, parts));
}

/** `parts` is a glob split at its stars: the first must begin the name, the last end it, the others stand between. */
function fits(model: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!model.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = model.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return model.length - last.length >= at && model.endsWith(last);
}

export interface ModelList {
  readonly object: 'list';
  readonly data: readonly (ListedModel & { readonly object: 'model' })[];
}

const cacheMs = 60_000;

/** The models of all upstreams in OpenAI's list shape: asked at most once a minute, and once at a time. */
export class ModelLists {
  readonly #upstreams: readonly Upstream[];
  readonly #clock: Clock;
  #cached: { readonly list: Promise<ModelList>; readonly validUntil: number } | null = null;

  constructor(upstreams: readonly Upstream[], clock: Clock) {
    this.#upstreams = upstreams;
    this.#clock = clock;
  }

  list(): Promise<ModelList> {
    const now = this.#clock.now();
    if (this.#cached && now < this.#cached.validUntil) return this.#cached.list;
    this.#cached = { list: this.#ask(), validUntil: now + cacheMs };
    return this.#cached.list;
  }

  async #ask(): Promise<ModelList> {
    const lists = await Promise.all(this.#upstreams.map(upstream => modelsOf(upstream)));
    const byId = new Map<string, ListedModel>();
    for (const model of lists.flat()) if (!byId.has(model.id)) byId.set(model.id, model);
    const data = [...byId.values()].map(({ id, created, owned_by }) => ({
      id,
      object: 'model' as const,
      created,
      owned_by,
    }));
    return { object: 'list', data };
  }
}

/** Its names from the config, and what it says itself; an upstream that cannot be asked says nothing. */
async function modelsOf(upstream: Upstream): Promise<readonly ListedModel[]> {
  const configured = upstream.models
    .filter(name => !name.includes('*'))
    .map(id => ({ id, created: 0, owned_by: upstream.name }));
  const isOurs = modelMatch(upstream.models);
  const listed = await upstream.listModels().catch(() => []);
  // The upstream knows a model's date and owner; the config only its name.
  const told = listed.filter(({ id }) => isOurs(id));
  return configured.map(model => told.find(({ id }) => id === model.id) ?? model).concat(told);
}
