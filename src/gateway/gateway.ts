import type { IncomingHttpHeaders } from 'node:http';
import { ClientLeft } from '../domain/errors.ts';
import { spentOf } from '../domain/usage.ts';
import type { Classify, Identity } from '../domain/vocabulary.ts';
import type { Provider, Upstreams } from '../upstreams/upstreams.ts';
import { type ScannedBody, scanBody } from './body-scan.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Exchange } from './exchange.ts';
import { maxWaitMs } from './max-wait.ts';
import { queryOf } from './operations.ts';
import { OutputEstimates } from './output-estimate.ts';
import { type BodyLimits, BodyReader } from './read-body.ts';
import { putBack } from './ticket.ts';

/** Who sent a request and the key that may be mapped; `key` is null where no key counts. */
export interface Caller {
  readonly identity: Identity;
  readonly key: string | null;
}

interface GatewayParts {
  /** From the presented headers; a promise only when the key is not known yet. */
  readonly identify: (headers: IncomingHttpHeaders) => Caller | Promise<Caller>;
  readonly classify: Classify;
  readonly upstreams: Upstreams;
  readonly pools: ReadonlyMap<string, Dispatcher>;
  readonly bodies: BodyLimits;
}

const bytesPerToken = 4;

/** The request path. Throws what `domain/errors.ts` names; the caller answers it. */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #bodies: BodyReader;
  readonly #outputs = new OutputEstimates();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#bodies = new BodyReader(parts.bodies);
  }

  async handle(exchange: Exchange): Promise<void> {
    const { req, operation } = exchange;
    const { identify, classify, upstreams } = this.#parts;

    const found = identify(req.headers);
    // An await costs even where there is nothing to wait for.
    const caller = found instanceof Promise ? await found : found;
    exchange.identity = caller.identity;
    exchange.classification = classify({ ...caller, asked: req.headers['x-priority'] });
    if (!operation.takesSeat) return this.#listModels(exchange);

    const body = await this.#bodies.read(req);
    const fields = scanBody(body);
    exchange.model = fields.model;
    const provider = upstreams.resolve(operation.dialect, fields.model);
    exchange.provider = provider.name;
    exchange.pool = provider.pool;
    await this.#queueAndForward(exchange, provider, body, fields);
  }

  async #queueAndForward(exchange: Exchange, provider: Provider, body: Buffer, fields: ScannedBody): Promise<void> {
    const { operation, req, res, classification } = exchange;
    const dispatcher = this.#parts.pools.get(provider.pool);
    if (!dispatcher || !classification) throw new Error(`no pool ${provider.pool}`);

    const { flowId } = classification;
    const outputTokens = operation.producesTokens
      ? this.#outputs.estimate(flowId, fields.model, fields.outputLimit)
      : 0;
    const estimate = { inputTokens: inputEstimate(body.length, fields), cachedInputTokens: 0, outputTokens };
    const ticket = dispatcher.ticket({
      flowId,
      level: classification.level,
      ...spentOf(estimate),
      bodyBytes: body.length,
      maxWaitMs: maxWaitMs(req.headers['x-tokligence-max-wait-ms']),
    });
    exchange.ticket = ticket;
    if (res.destroyed) throw new ClientLeft();
    res.on('close', () => ticket.leave());

    await dispatcher.run<void>(ticket, async () => {
      exchange.isGranted = true;
      // Where no usage comes the input estimate stands: a failing request has still held a seat.
      ticket.settle(spentOf({ ...estimate, outputTokens: 0 }));
      const forwarded = await provider.forward(
        {
          dialect: operation.dialect,
          method: operation.method,
          path: operation.upstreamPath + queryOf(req.url ?? ''),
          headers: req.headers,
          body,
          answerHeaders: exchange.answerHeaders(),
          stream: fields.stream,
          requestId: exchange.requestId,
          level: classification.level,
          inputEstimate: estimate.inputTokens,
          onOutput: tokens => ticket.progress(spentOf({ ...estimate, outputTokens: tokens })),
          onBusy: retryAfterMs => dispatcher.upstreamBusy(ticket, retryAfterMs),
        },
        res,
      );
      if (forwarded.outcome === 'taken_back') return putBack;
      exchange.ended(forwarded);
      if (forwarded.usage === null) return undefined;
      ticket.settle(spentOf(forwarded.usage));
      // Only an answer that came to its end tells how long answers are.
      if (operation.producesTokens && forwarded.outcome === 'served') {
        this.#outputs.record(flowId, fields.model, forwarded.usage.outputTokens);
      }
      return undefined;
    });
  }

  async #listModels(exchange: Exchange): Promise<void> {
    const body = JSON.stringify(await this.#parts.upstreams.listModels());
    exchange.res
      .writeHead(200, {
        ...exchange.answerHeaders(),
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
      .end(body);
  }
}

const inputEstimate = (bodyBytes: number, fields: ScannedBody): number =>
  Math.ceil((bodyBytes - fields.dataUriBytes) / bytesPerToken);
