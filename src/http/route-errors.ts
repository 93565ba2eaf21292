/** Error answers of all routes that Fastify serves; those of models have their own (model-routes.ts). */
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { asGatewayError, errors, GatewayError } from '../domain/errors.ts';
import { dialectOf, methodsAt, pathOf, routePath } from '../gateway/operations.ts';
import { requestIdOf } from '../gateway/request-id.ts';
import type { Events } from '../telemetry/events.ts';
import { isAdminUrl } from './admin/admin.ts';
import { errorAnswer } from './errors.ts';
import { isProbe } from './ops.ts';

/** Returns how an error is answered on all routes but those of models. */
export const errorAnswerer =
  (events: Events) =>
  (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const error = fromFastify(thrown, request.routeOptions.bodyLimit);
    if (asGatewayError(error).code === 'internal') {
      events.error(`${request.method} ${pathOf(request.url)} failed`, thrown);
    }
    const answer = errorAnswer(dialectOf(request.url), error, request.id);
    events.requestRefused({
      ...refusedOf(request.raw, error),
      durationMs: reply.elapsedTime,
      // Errors of admin routes and of scrapes do not count as faults of model requests.
      isCounted: request.is404 || !(isAdminUrl(request.url) || isProbe(request.url)),
    });
    void reply.code(answer.status).headers(answer.headers).send(answer.body);
  };

/** What is told of a request that was answered with this error. */
export const refusedOf = (req: IncomingMessage, error: unknown) => {
  const { status, code } = asGatewayError(error);
  return { requestId: requestIdOf(req), method: req.method ?? null, path: pathOf(req.url ?? ''), status, code };
};

/** Throws a 404. */
export function noSuchRoute({ method, url }: FastifyRequest): never {
  const path = pathOf(url);
  const methods = methodsAt(url).join(' and ');
  const hint = methods === '' ? '' : `; there is ${methods} ${routePath(url)}`;
  throw errors.notFound(`There is no route ${method} ${path.slice(0, 200)}${hint}.`);
}

const sizeOf = (bytes: number): string => (bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`);

export const tooLarge = (bodyLimit: number) =>
  errors.requestTooLarge(`The request body is larger than the ${sizeOf(bodyLimit)} that this route takes.`);

/** Fastify's own refusals in the words of the catalogue. */
function fromFastify(thrown: FastifyError, bodyLimit = 0): Error {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(bodyLimit);
  return thrown.statusCode !== undefined && thrown.statusCode < 500 ? errors.invalidRequest(thrown.message) : thrown;
}
