/**
 * The pools of the fleet, for whoever looks on at this gateway. Its conductor knows of all requests, so it is asked; what
 * each gateway knows of its own requests only, the conductor asks of all. An answer that may lack something says so.
 */
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { FleetSight } from '../../domain/shown/fleet.ts';
import type { LivePool, PresentRequest, ProviderClosures } from '../../domain/shown/live.ts';
import { addedTallies, noTally, type ProviderTally } from '../../domain/shown/provider-tally.ts';
import { singleFlight } from '../../domain/structures/single-flight.ts';
import { isLevel } from '../../domain/vocabulary.ts';
import type { Downward, Upward } from '../../fleet/messages/messages.ts';
import {
  type About,
  type Answer,
  type End,
  type Item,
  isQuestion,
  mostIdChars,
  type Question,
  readAbout,
} from '../../fleet/messages/questions.ts';
import type { Outlook } from '../../fleet/outlook.ts';
import type { PoolsView, WaitingQuestion } from '../pool/view/pools-view.ts';
import type { TenantName } from '../pool/view/shown-share.ts';
import { AnswerTime } from './answer-time.ts';
import { Asks, type AskWord, wordsOf } from './asks.ts';
import { FarLanes } from './far-lanes.ts';
import { sightOf, sightWithout } from './sights.ts';

export interface FleetPoolsParts {
  /** The name and ID of this gateway. */
  readonly self: { readonly id: string; readonly name: string };
  readonly clock: Clock;
  readonly view: PoolsView;
  /** The providers of this gateway, by what its own requests show. */
  readonly tallies: () => readonly Item<'tallies'>[];
  readonly closuresOf: (provider: string) => ProviderClosures;
  readonly fleet: FleetOfPools;
}

/** The fleet, as far as whoever looks on needs it. */
export interface FleetOfPools {
  /** Null: not joined yet. */
  outlook(): Outlook | null;
  say(message: Upward): boolean;
  tell(member: string, message: Downward): void;
}

/** What is told of providers, with how much of the fleet that is. */
export interface ProvidersSeen {
  readonly tallyOf: (provider: string) => ProviderTally;
  readonly closuresOf: (provider: string) => ProviderClosures;
  readonly fleet: FleetSight;
}

/** Asked of a conductor. */
type Asked = Exclude<Question, 'tallies'>;

const conductorWithinMs = 1_000;
/** So that the conductor's answer is still in time. */
const membersWithinMs = 600;

export class FleetPools {
  readonly #parts: FleetPoolsParts;
  readonly #asks: Asks;
  readonly #answerTime: AnswerTime;
  readonly #far: FarLanes;
  readonly #refresh = singleFlight(() => this.#askLanes());
  readonly #gather = singleFlight(() => this.#gatherAll());

  constructor(parts: FleetPoolsParts) {
    this.#parts = parts;
    this.#asks = new Asks(parts.clock);
    this.#answerTime = new AnswerTime(parts.clock);
    this.#far = new FarLanes(sightWithout(null));
  }

  // ---- for whoever looks on here; these reject with `unavailable` where the conductor does not answer

  async stats() {
    const { items, end } = await this.#answered('stats', {});
    return { pools: items, fleet: end.sight };
  }

  async waiting(question: WaitingQuestion) {
    const { items, end } = await this.#answered('waiting', question);
    return { requests: items, total: end.total, fleet: end.sight };
  }

  async find(requestId: string) {
    // No request has a longer ID; asked for one, the conductor would take this gateway for broken.
    const { items, end } = await this.#answered('find', { request_id: requestId.slice(0, mostIdChars) });
    return { request: items[0] ?? null, fleet: end.sight };
  }

  /** Where the conductor does not answer: what this gateway knows of its own requests. */
  async providers(): Promise<ProvidersSeen> {
    const { tallies, closuresOf } = this.#parts;
    const answer = await this.#ask('providers', {});
    const told = new Map(answer?.items.map(({ provider, closures }) => [provider, closures]));
    const counted = new Map((answer?.items ?? tallies()).map(({ provider, tally }) => [provider, tally]));
    return {
      tallyOf: provider => counted.get(provider) ?? noTally,
      closuresOf: provider => told.get(provider) ?? closuresOf(provider),
      fleet: answer?.end.sight ?? sightWithout(this.#outlook()),
    };
  }

  /** Asks for the lanes; null: they are this gateway's own. */
  refresh(): Promise<void> | null {
    return this.#isConductor ? null : this.#refresh();
  }

  /** As of the last `refresh`. */
  live(tenantName: TenantName): { pools: readonly LivePool[]; fleet: FleetSight } {
    if (this.#isConductor) return { pools: this.#parts.view.live(tenantName), fleet: this.#sight };
    const named = this.#far.pools.map(pool => ({
      ...pool,
      tenants: pool.tenants.map(tenant => ({ ...tenant, tenant_name: tenantName(tenant.flow_id) })),
    }));
    return { pools: named, fleet: this.#far.sight };
  }

  get histories() {
    return this.#isConductor ? this.#parts.view.pools : this.#far.histories;
  }

  /** Changes with whoever counts the steps of the histories. */
  get era(): string {
    return this.#isConductor ? this.#parts.self.id : this.#far.era;
  }

  // ---- what other gateways say

  /** A member says something to its conductor. */
  said(from: string, message: Extract<Upward, { t: 'ask' | 'answer' }>): void {
    if (message.t === 'answer') this.#asks.heard(from, message);
    else this.#answerTime.spend(from, () => this.#answerMember(from, message));
  }

  /** The conductor says something to this member. */
  told(message: Extract<Downward, { t: 'ask' | 'answer' }>): void {
    const outlook = this.#outlook();
    if (outlook?.who !== 'other') return;
    const { id } = outlook.conductor;
    if (message.t === 'answer') this.#asks.heard(id, message);
    else if (message.what === 'tallies') this.#answerTime.spend(id, () => this.#answerConductor(message));
  }

  #answerMember(from: string, { ask, what, about }: AskWord): void {
    if (!isQuestion(what) || what === 'tallies') return;
    const answer = this.#answer(what, readAbout(what, about));
    const tell = (told: Answer<Asked>) => {
      for (const word of wordsOf(ask, told)) this.#parts.fleet.tell(from, word);
    };
    if (answer instanceof Promise) void answer.then(told => this.#answerTime.spend(from, () => tell(told)));
    else tell(answer);
  }

  #answerConductor({ ask, about }: AskWord): void {
    readAbout('tallies', about);
    const { tallies, fleet } = this.#parts;
    for (const word of wordsOf<'tallies'>(ask, { items: tallies(), end: {} })) fleet.say(word);
  }

  // ---- questions, and the answers of a conductor

  async #answered<Q extends Asked>(what: Q, about: About<Q>): Promise<Answer<Q>> {
    const answer = await this.#ask(what, about);
    if (answer !== null) return answer;
    throw errors.unavailable(`${sightWithout(this.#outlook()).reason}.`, 1);
  }

  /** Null: nobody conducts, or it does not answer. */
  async #ask<Q extends Asked>(what: Q, about: About<Q>): Promise<Answer<Q> | null> {
    const outlook = this.#outlook();
    if (outlook === null || outlook.who === 'nobody') return null;
    if (outlook.who === 'self') return this.#answer(what, about);
    const { id } = outlook.conductor;
    const say = (message: AskWord) => this.#parts.fleet.say(message);
    return this.#asks.ask(what, about, { id, say, withinMs: conductorWithinMs });
  }

  #answer<Q extends Asked>(what: Q, about: About<Q>): Answer<Q> | Promise<Answer<Q>> {
    const answers: { [A in Asked]: (about: About<A>) => Answer<A> | Promise<Answer<A>> } = {
      stats: () => this.#withSight(this.#parts.view.stats()),
      lanes: ({ after }) => this.#withSight(this.#lanes(after)),
      waiting: question => this.#waiting(question),
      find: ({ request_id }) => {
        const found = this.#parts.view.find(request_id);
        return this.#withSight(found === null ? [] : [this.#named(found)]);
      },
      providers: () => this.#gather(),
    };
    return answers[what](about);
  }

  #waiting({ pool, level, limit }: About<'waiting'>): Answer<'waiting'> {
    const asked = level !== null && isLevel(level) ? level : null;
    const { requests, total } = this.#parts.view.waiting({ pool, level: asked, limit });
    const { items, end } = this.#withSight(requests.map(request => this.#named(request)));
    return { items, end: { ...end, total } };
  }

  /** Names of tenants are looked up where they are shown. */
  #lanes(after: number | null): Item<'lanes'>[] {
    return this.#parts.view.pools.map(pool => ({
      live: pool.live(() => null),
      steps: pool.steps(after ?? Number.NEGATIVE_INFINITY),
    }));
  }

  #named(request: PresentRequest): PresentRequest {
    return { ...request, gateway: request.gateway ?? this.#parts.self.name };
  }

  /** Of all gateways. */
  async #gatherAll(): Promise<Answer<'providers'>> {
    const { self, fleet, tallies, closuresOf } = this.#parts;
    const outlook = this.#outlook();
    const heard = outlook?.who === 'self' ? outlook.heard : [];
    const told = await Promise.all(
      heard.map(async ({ id, name }) => {
        const say = (message: AskWord) => {
          fleet.tell(id, message);
          return true;
        };
        return { name, answer: await this.#asks.ask('tallies', {}, { id, say, withinMs: membersWithinMs }) };
      }),
    );
    const own = tallies();
    const all = [own, ...told.map(({ answer }) => answer?.items ?? [])].flat();
    const items = own.map(({ provider }) => ({
      provider,
      tally: all
        .filter(item => item.provider === provider)
        .reduce((sum, { tally }) => addedTallies(sum, tally), noTally),
      closures: closuresOf(provider),
    }));
    const silentOnes = told.filter(({ answer }) => answer === null).map(({ name }) => name);
    return { items, end: { sight: sightOf(this.#outlook(), self.name, silentOnes) } };
  }

  async #askLanes(): Promise<void> {
    const outlook = this.#outlook();
    const by = outlook?.who === 'other' ? outlook.conductor.id : '';
    const answer = await this.#ask('lanes', { after: this.#far.newestOf(by) });
    if (answer === null) this.#far.unknown(sightWithout(this.#outlook()));
    else this.#far.told({ by, answer });
  }

  // ---- how much of the fleet that is

  #outlook(): Outlook | null {
    return this.#parts.fleet.outlook();
  }

  get #isConductor(): boolean {
    return this.#outlook()?.who === 'self';
  }

  get #sight(): FleetSight {
    return sightOf(this.#outlook(), this.#parts.self.name);
  }

  #withSight<I>(items: readonly I[]): { items: readonly I[]; end: End<'stats'> } {
    return { items, end: { sight: this.#sight } };
  }
}
