import type { Clock } from '../../domain/clock.ts';
import type { Upstream } from '../provider.ts';
import { type ListedModel, listedModel } from './listed-model.ts';
import { NoModelList } from './model-list.ts';

/** Whether a model's name matches one of the names and globs. In a glob `*` stands for any text. */
export type ModelMatch = (model: string) => boolean;

/** Linear in the name's length, for any number of stars in the glob. */
export function modelMatch(globs: readonly string[]): ModelMatch {
  const names = new Set(globs.filter(glob => !glob.includes('*')));
  const patterns = globs.filter(glob => glob.includes('*')).map(glob => glob.split('*'));
  if (globs.includes('*')) return () => true;
  return model => names.has(model) || patterns.some(parts => fits(model, parts));
}

/** `parts` is a glob split at its stars: the first must begin the name, the last end it, the others lie in between. */
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

/** The models of all providers, each once, with the providers that have it. */
export interface ModelCatalogue {
  /** Models that the configuration names come first, provider by provider. */
  readonly models: readonly ListedModel[];
  find(id: string): ListedModel | undefined;
  /** Whether a provider whose list could not be read may have the model. */
  mayHave(id: string): boolean;
}

/** Called once when a list is left out, and again when the reason changes. */
export type OnListFault = (provider: string, reason: string) => void;

interface ReadList {
  readonly models: readonly ListedModel[];
  /** Matches the models that the provider may have beside the listed ones; null if the list is complete. */
  readonly unread: ModelMatch | null;
}

const cacheMs = 60_000;

/** The lists of all upstreams: fetched at most once a minute, one fetch at a time. */
export class ModelLists {
  readonly #upstreams: readonly Upstream[];
  readonly #clock: Clock;
  readonly #onFault: OnListFault;
  readonly #faults = new Map<string, string>();
  #cached: { readonly catalogue: Promise<ModelCatalogue>; readonly validUntil: number } | null = null;

  constructor(upstreams: readonly Upstream[], clock: Clock, onFault: OnListFault) {
    this.#upstreams = upstreams;
    this.#clock = clock;
    this.#onFault = onFault;
  }

  read(): Promise<ModelCatalogue> {
    const now = this.#clock.now();
    if (this.#cached && now < this.#cached.validUntil) return this.#cached.catalogue;
    this.#cached = { catalogue: this.#ask(), validUntil: now + cacheMs };
    return this.#cached.catalogue;
  }

  async #ask(): Promise<ModelCatalogue> {
    const lists = await Promise.all(this.#upstreams.map(upstream => this.#listOf(upstream)));
    const byId = new Map<string, ListedModel>();
    for (const { models } of lists) for (const model of models) if (!byId.has(model.id)) byId.set(model.id, model);
    return {
      models: [...byId.values()],
      find: id => byId.get(id),
      mayHave: id => lists.some(({ unread }) => unread?.(id) === true),
    };
  }

  /** Returns the names of the config and the upstream's own list, which is empty if the upstream cannot be asked. */
  async #listOf(upstream: Upstream): Promise<ReadList> {
    const isOurs = modelMatch(upstream.models);
    const told = new Map<string, ListedModel>();
    let unread: ModelMatch | null = null;
    try {
      for (const model of await upstream.listModels()) if (isOurs(model.id)) told.set(model.id, model);
      this.#faults.delete(upstream.name);
    } catch (error) {
      if (!(error instanceof NoModelList)) unread = isOurs;
      this.#tell(upstream.name, error);
    }
    // The upstream knows a model's date and owner; the config only its name.
    const configured = upstream.models
      .filter(name => !name.includes('*'))
      .map(id => told.get(id) ?? listedModel({ id }, upstream.name))
      .filter(model => model !== null);
    return { models: [...configured, ...told.values()], unread };
  }

  #tell(name: string, error: unknown): void {
    const reason = reasonOf(error);
    if (this.#faults.get(name) === reason) return;
    this.#faults.set(name, reason);
    this.#onFault(name, reason);
  }
}

/** An AggregateError, as for a refused connection, has no message of its own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
