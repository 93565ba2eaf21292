import type { IncomingMessage } from 'node:http';
import type { MediaRates } from '../config/config.ts';
import type { Body } from '../domain/body.ts';
import type { Clock } from '../domain/clock.ts';
import { ClientLeft, errors } from '../domain/errors.ts';
import type { StreamLimit } from '../domain/peers.ts';
import { spentOf, type Usage } from '../domain/usage.ts';
import type { Classify, Identity } from '../domain/vocabulary.ts';
import type { UpstreamCall, Upstreams } from '../upstreams/upstreams.ts';
import type { Exchange } from './exchange.ts';
import { maxWaitMs } from './max-wait.ts';
import { modelIn, modelList, singleModel } from './model-answers.ts';
import { type Operation, queryOf } from './operations.ts';
import { OutputEstimates } from './output-estimate.ts';
import type { Dispatcher } from './pool/dispatcher.ts';
import { refuseEncoded, withReadableType } from './receiving/body-headers.ts';
import type { ScannedBody } from './receiving/body-scan.ts';
import { mediaTokens } from './receiving/media-meter.ts';
import { BodyReader } from './receiving/read-body.ts';
import type { Sender, UploadLimits } from './receiving/uploads.ts';
import { routeOfRequest } from './request-route.ts';
import { ResponseRelay } from './response-relay.ts';
import { Walk } from './route/walk.ts';
import { warmthOf } from './warmth.ts';

/** The sender of a request and the key that may be mapped; `key` is null if keys are ignored. */
export interface Caller {
  readonly identity: Identity;
  readonly key: string | null;
}

interface GatewayParts {
  /** Identifies the caller by its headers; a promise only for a key that is not known yet. */
  readonly identify: (req: IncomingMessage) => Caller | Promise<Caller>;
  readonly classify: Classify;
  readonly upstreams: Upstreams;
  readonly pools: ReadonlyMap<string, Dispatcher>;
  readonly bodies: UploadLimits;
  /** The current values, because the configuration may be read again. */
  readonly mediaRates: () => MediaRates;
  /** Of concurrent requests of one key; null: no limit. */
  readonly streams: StreamLimit | null;
  /** Whether answers name the model as it was asked for. */
  readonly restoresModel: boolean;
  readonly clock: Clock;
  /** 0 ≤ x < 1; spreads retries. */
  readonly random?: () => number;
}

const bytesPerToken = 4;
const noWebSockets = 'WebSockets (/v1/realtime) are not served here; POST /v1/responses with `stream: true` is.';

const asksUpstream = ({ answers }: Operation): boolean => answers === 'upstream' || answers === 'stored response';

/** A request that was read, and its way over the targets of its route. */
interface Work {
  readonly exchange: Exchange;
  readonly walk: Walk;
  readonly body: Body;
  readonly fields: ScannedBody;
  readonly sender: Sender;
  readonly estimate: Usage;
}

/** The request path. Throws errors of `domain/errors.ts`; the caller answers them. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #bodies: BodyReader;
  readonly #outputs = new OutputEstimates();
  readonly #responses: ResponseRelay;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#responses = new ResponseRelay(parts.upstreams);
    this.#bodies = new BodyReader(parts.bodies, parts.clock);
  }

  async handle(exchange: Exchange): Promise<void> {
    const { req, operation } = exchange;
    const { identify, classify, streams } = this.#parts;
    if (operation.answers === 'nobody') throw errors.notImplemented(noWebSockets);

    exchange.trace.authenticating();
    const found = identify(req);
    // An await costs even where there is nothing to wait for.
    const { identity, key } = found instanceof Promise ? await found : found;
    exchange.identified(identity);
    const classification = classify({ identity, key, asked: req.headers['x-priority'] });
    exchange.classified(classification);
    if (!asksUpstream(operation)) return this.#tellOfModels(exchange);

    const { keyId } = identity;
    const { level, flowId } = classification;
    const sender = { level, flowId, keyId };
    if (streams === null || keyId === null) return this.#askUpstream(exchange, sender);
    const entering = streams.enter(keyId);
    if (entering instanceof Promise) await entering;
    try {
      await this.#askUpstream(exchange, sender);
    } finally {
      streams.leave(keyId);
    }
  }

  #askUpstream(exchange: Exchange, sender: Sender): Promise<void> {
    const takesSeat = exchange.operation.answers === 'upstream';
    return takesSeat ? this.#serve(exchange, sender) : this.#responses.handle(exchange, sender);
  }

  async #serve(exchange: Exchange, sender: Sender): Promise<void> {
    const { req, sink, operation } = exchange;
    const { upstreams, pools, clock, random = Math.random } = this.#parts;
    refuseEncoded(req.headers);
    const { body, fields } = await this.#bodies.read(exchange, sender);
    if (fields.model !== '') exchange.asksFor(fields.model);
    const route = routeOfRequest(upstreams, operation, fields.model);

    const estimate = this.#estimate(operation, sender.flowId, body.bytes, fields);
    const asked = {
      requestId: exchange.requestId,
      flowId: sender.flowId,
      level: sender.level,
      ...spentOf(estimate),
      bodyBytes: body.bytes,
      maxWaitMs: maxWaitMs(req.headers['x-tokligence-max-wait-ms']),
    };
    const { trace } = exchange;
    const warmthBy = warmthOf({ headers: req.headers, body, prompt: fields.prompt, ...sender });
    const walker = { fields: asked, leavesTraces: fields.leavesTraces, warmthBy, sink, trace, clock, random };
    const walk = new Walk(route, walker, pools);
    exchange.goes(walk);
    if (sink.isClosed) throw new ClientLeft();
    sink.onClosed(() => walk.leave());
    const work = { exchange, walk, body, fields, sender, estimate };
    await walk.run(() => this.#forward(work));
  }

  #estimate({ producesTokens }: Operation, flowId: string, bodyBytes: number, fields: ScannedBody): Usage {
    const { media, model, outputLimit } = fields;
    const textTokens = (bodyBytes - media.bytes) / bytesPerToken;
    return {
      inputTokens: Math.ceil(textTokens + mediaTokens(media, this.#parts.mediaRates())),
      cachedInputTokens: 0,
      outputTokens: producesTokens ? this.#outputs.estimate(flowId, model, outputLimit) : 0,
    };
  }

  /** While the request has a seat. */
  async #forward(work: Work): Promise<'done' | 'put back'> {
    const { exchange, walk, fields, sender, estimate } = work;
    const { target, ticket } = walk.stop;
    // Where no usage comes the input estimate stands: a failing request has still held a seat.
    ticket.settle(spentOf({ ...estimate, outputTokens: 0 }));
    const forwarded = await target.provider.forward(this.#call(work), exchange.sink);
    if (forwarded.outcome === 'put_back') return 'put back';
    exchange.ended(forwarded);
    if (forwarded.usage === null) return 'done';
    ticket.settle(spentOf(forwarded.usage));
    // Only a complete answer shows how long answers are.
    if (exchange.operation.producesTokens && forwarded.outcome === 'served') {
      this.#outputs.record(sender.flowId, fields.model, forwarded.usage.outputTokens);
    }
    return 'done';
  }

  /** Only what POST /v1/responses makes can be asked for again. */
  #call(work: Work): UpstreamCall {
    const call = upstreamCall(work, this.#parts.restoresModel);
    if (work.exchange.operation.upstreamPath !== '/responses') return call;
    const place = { provider: work.walk.stop.target.provider.name, endpoint: call.endpoint, model: call.model };
    return { ...call, onId: id => this.#responses.stored.remember(call.flowId, id, place) };
  }

  async #tellOfModels(exchange: Exchange): Promise<void> {
    const { req, sink, operation } = exchange;
    const { url = '' } = req;
    const isSingle = operation.answers === 'single model';
    if (isSingle) exchange.asksFor(modelIn(url));
    const catalogue = await this.#parts.upstreams.models(operation.dialect);
    const body = (isSingle ? singleModel : modelList)(operation.dialect, url, catalogue);
    const contentLength = String(Buffer.byteLength(body));
    sink.answer(200, { 'content-type': 'application/json', 'content-length': contentLength }, body);
  }
}

function upstreamCall(work: Work, restoresModel: boolean): UpstreamCall {
  const { exchange, walk, body, fields, sender, estimate } = work;
  const { target, ticket } = walk.stop;
  const { operation, req, requestId, trace } = exchange;
  return {
    dialect: operation.dialect,
    streamShape: operation.streamShape,
    method: operation.method,
    path: operation.upstreamPath + queryOf(req.url ?? ''),
    isAtRoot: operation.isAtRoot,
    headers: trace.called(withReadableType(req.headers)),
    body,
    bodyPlaces: fields.places,
    model: fields.model,
    upstreamModel: target.model,
    restoresModel,
    endpoint: ticket.endpoint ?? null,
    flowId: sender.flowId,
    leavesTraces: fields.leavesTraces,
    stream: fields.stream,
    requestId,
    level: sender.level,
    inputEstimate: estimate.inputTokens,
    outputLimit: fields.outputLimit,
    producesTokens: operation.producesTokens,
    onOutput: outputTokens => ticket.progress(spentOf({ ...estimate, outputTokens })),
    onAnswer(status) {
      trace.answered(status);
      ticket.upstreamAnswered(status);
    },
    onFailing(failure) {
      if (failure.status !== null) trace.answered(failure.status);
      return walk.failing(failure);
    },
    mayUseOtherKey: () => walk.mayUseOtherKey(),
    onFirstByte: () => trace.firstByte(),
  };
}
