import type { IncomingMessage } from 'node:http';
import type { MediaRates } from '../config/config.ts';
import type { Body } from '../domain/body.ts';
import type { Clock } from '../domain/clock.ts';
import { ClientLeft } from '../domain/errors.ts';
import { spentOf, type Usage } from '../domain/usage.ts';
import type { Classify, Identity, Level } from '../domain/vocabulary.ts';
import type { Provider, UpstreamCall, Upstreams } from '../upstreams/upstreams.ts';
import type { Exchange } from './exchange.ts';
import { KeyStreams } from './key-streams.ts';
import { maxWaitMs } from './max-wait.ts';
import { modelIn, modelList, singleModel } from './model-answers.ts';
import { type Operation, queryOf } from './operations.ts';
import { OutputEstimates } from './output-estimate.ts';
import type { Dispatcher } from './pool/dispatcher.ts';
import { putBack, type Ticket } from './pool/ticket.ts';
import { refuseEncoded, withReadableType } from './receiving/body-headers.ts';
import type { ScannedBody } from './receiving/body-scan.ts';
import { mediaTokens } from './receiving/media-meter.ts';
import { BodyReader } from './receiving/read-body.ts';
import type { Sender, UploadLimits } from './receiving/uploads.ts';

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
  /** The most concurrent requests of one key; null: no limit. */
  readonly maxStreamsPerKey: number | null;
  readonly clock: Clock;
}

const bytesPerToken = 4;

/** A request on its way through its pool. */
interface Work {
  readonly exchange: Exchange;
  readonly provider: Provider;
  readonly body: Body;
  readonly fields: ScannedBody;
  readonly flowId: string;
  readonly level: Level;
  readonly estimate: Usage;
  readonly ticket: Ticket;
}

/** The request path. Throws errors of `domain/errors.ts`; the caller answers them. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #bodies: BodyReader;
  readonly #outputs = new OutputEstimates();
  readonly #streams: KeyStreams | null;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#bodies = new BodyReader(parts.bodies, parts.clock);
    this.#streams = parts.maxStreamsPerKey === null ? null : new KeyStreams(parts.maxStreamsPerKey);
  }

  async handle(exchange: Exchange): Promise<void> {
    const { req, operation } = exchange;
    const { identify, classify } = this.#parts;

    const found = identify(req);
    // An await has a cost even if there is nothing to wait for.
    const caller = found instanceof Promise ? await found : found;
    exchange.identity = caller.identity;
    const classification = classify({ ...caller, asked: req.headers['x-priority'] });
    exchange.classification = classification;
    if (operation.answers !== 'upstream') return this.#tellOfModels(exchange);

    const { keyId } = caller.identity;
    const { level, flowId } = classification;
    const sender = { level, flowId, keyId };
    if (this.#streams === null || keyId === null) return this.#serve(exchange, sender);
    this.#streams.enter(keyId);
    try {
      await this.#serve(exchange, sender);
    } finally {
      this.#streams.leave(keyId);
    }
  }

  async #serve(exchange: Exchange, sender: Sender): Promise<void> {
    refuseEncoded(exchange.req.headers);
    const { body, fields } = await this.#bodies.read(exchange, sender);
    exchange.model = fields.model;
    const provider = this.#parts.upstreams.resolve(exchange.operation.dialect, fields.model);
    exchange.provider = provider.name;
    exchange.pool = provider.pool;
    await this.#queueAndForward(exchange, provider, body, fields);
  }

  async #queueAndForward(exchange: Exchange, provider: Provider, body: Body, fields: ScannedBody): Promise<void> {
    const { req, res, classification } = exchange;
    const dispatcher = this.#parts.pools.get(provider.pool);
    if (!dispatcher || !classification) throw new Error(`no pool ${provider.pool}`);

    const { flowId, level } = classification;
    const estimate = this.#estimate(exchange.operation, flowId, body.bytes, fields);
    const ticket = dispatcher.ticket({
      requestId: exchange.requestId,
      flowId,
      level,
      provider: provider.name,
      model: fields.model,
      ...spentOf(estimate),
      bodyBytes: body.bytes,
      maxWaitMs: maxWaitMs(req.headers['x-tokligence-max-wait-ms']),
    });
    exchange.ticket = ticket;
    if (res.destroyed) throw new ClientLeft();
    res.on('close', () => ticket.leave());
    const work = { exchange, provider, body, fields, flowId, level, estimate, ticket };
    await dispatcher.run<void>(ticket, () => this.#forward(work));
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
  async #forward(work: Work): Promise<typeof putBack | undefined> {
    const { exchange, provider, fields, flowId, estimate, ticket } = work;
    exchange.isGranted = true;
    // Without reported usage the input estimate is charged: a failed request has still held a seat.
    ticket.settle(spentOf({ ...estimate, outputTokens: 0 }));
    const forwarded = await provider.forward(upstreamCall(work), exchange.res);
    if (forwarded.outcome === 'put_back') {
      exchange.isGranted = false;
      return putBack;
    }
    exchange.ended(forwarded);
    if (forwarded.usage === null) return undefined;
    ticket.settle(spentOf(forwarded.usage));
    // Only a complete answer shows how long answers are.
    if (exchange.operation.producesTokens && forwarded.outcome === 'served') {
      this.#outputs.record(flowId, fields.model, forwarded.usage.outputTokens);
    }
    return undefined;
  }

  async #tellOfModels(exchange: Exchange): Promise<void> {
    const { req, res, operation } = exchange;
    const { url = '' } = req;
    const isSingle = operation.answers === 'single model';
    if (isSingle) exchange.model = modelIn(url);
    const catalogue = await this.#parts.upstreams.models();
    const body = (isSingle ? singleModel : modelList)(operation.dialect, url, catalogue);
    res
      .writeHead(200, {
        ...exchange.answerHeaders(),
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
      .end(body);
  }
}

function upstreamCall({ exchange, body, fields, level, estimate, ticket }: Work): UpstreamCall {
  const { operation, req, requestId } = exchange;
  return {
    dialect: operation.dialect,
    streamShape: operation.streamShape,
    method: operation.method,
    path: operation.upstreamPath + queryOf(req.url ?? ''),
    headers: withReadableType(req.headers),
    body,
    bodyPlaces: fields.places,
    model: fields.model,
    answerHeaders: exchange.answerHeaders(),
    stream: fields.stream,
    requestId,
    level,
    inputEstimate: estimate.inputTokens,
    outputLimit: fields.outputLimit,
    producesTokens: operation.producesTokens,
    onOutput: outputTokens => ticket.progress(spentOf({ ...estimate, outputTokens })),
    onAnswer: status => ticket.upstreamAnswered(status),
    onBusy: (status, retryAfterMs) => ticket.upstreamBusy(status, retryAfterMs),
  };
}
