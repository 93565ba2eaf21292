/** The routes of stored responses: asked of the provider that has made the response, without a seat. */
import { noPlaces } from '../domain/body.ts';
import { ClientLeft, errors } from '../domain/errors.ts';
import { Tally } from '../domain/structures/tally.ts';
import type { Level } from '../domain/vocabulary.ts';
import type { UpstreamCall, Upstreams } from '../upstreams/upstreams.ts';
import type { Exchange } from './exchange.ts';
import { queryOf, storedResponseIn } from './operations.ts';
import { notTaken } from './request-route.ts';
import { type ResponsePlace, StoredResponses } from './stored-responses.ts';

interface Asker {
  readonly flowId: string;
  readonly level: Level;
}

/** The most requests of one flow at once: they wait for no seat, so that nothing else limits them. */
const mostOfFlow = 32;

export class ResponseRelay {
  readonly stored: StoredResponses;
  readonly #upstreams: Upstreams;
  readonly #underWay = new Tally<string>();

  constructor(upstreams: Upstreams, stored = new StoredResponses()) {
    this.#upstreams = upstreams;
    this.stored = stored;
  }

  /** Throws `not_found` for a response that this flow has not made, or that is not remembered any more. */
  async handle(exchange: Exchange, asker: Asker): Promise<void> {
    const { flowId } = asker;
    const underWay = this.#underWay.of(flowId);
    if (underWay >= mostOfFlow) {
      throw errors.tenantLimit(
        `This tenant has ${underWay} requests for stored responses under way, and may have no more.`,
        1,
      );
    }
    this.#underWay.add(flowId, 1);
    try {
      await this.#relay(exchange, asker);
    } finally {
      this.#underWay.add(flowId, -1);
    }
  }

  async #relay(exchange: Exchange, asker: Asker): Promise<void> {
    const { operation, sink, req } = exchange;
    const { id, upstreamPath } = storedResponseIn(req.url ?? '');
    const place = this.stored.find(asker.flowId, id);
    const provider = place === null ? undefined : this.#upstreams.provider(place.provider);
    if (place === null || provider === undefined) throw errors.notFound(`Response with id '${id}' not found.`);
    if (place.model !== '') exchange.asksFor(place.model);
    exchange.asks(provider);
    if (!provider.passthrough) throw notTaken(operation);
    await sink.turn();
    if (sink.isClosed) throw new ClientLeft();
    const forwarded = await provider.forward(callOf(exchange, asker, { place, upstreamPath }), sink);
    if (forwarded.outcome === 'put_back') throw new Error('a call without a seat was put back');
    // The usage that the answer repeats was charged when the response was made.
    exchange.ended({ ...forwarded, usage: null });
    const { status } = forwarded;
    if (operation.method === 'DELETE' && status !== null && status < 300) this.stored.forget(asker.flowId, id);
  }
}

interface Target {
  readonly place: ResponsePlace;
  readonly upstreamPath: string;
}

function callOf(
  { operation, req, requestId, trace }: Exchange,
  { flowId, level }: Asker,
  { place, upstreamPath }: Target,
): UpstreamCall {
  return {
    dialect: operation.dialect,
    streamShape: operation.streamShape,
    method: operation.method,
    path: upstreamPath + queryOf(req.url ?? ''),
    isAtRoot: operation.isAtRoot,
    headers: trace.called(req.headers),
    body: null,
    bodyPlaces: noPlaces,
    model: place.model,
    upstreamModel: place.model,
    restoresModel: false,
    endpoint: place.endpoint,
    flowId,
    stream: false,
    requestId,
    level,
    inputEstimate: 0,
    outputLimit: null,
    producesTokens: false,
    onOutput: () => {},
    onAnswer: status => trace.answered(status),
    // It is the client's to ask again.
    onFailing({ status }) {
      if (status !== null) trace.answered(status);
      return false;
    },
    onFirstByte: () => trace.firstByte(),
  };
}
