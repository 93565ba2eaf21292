import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Clock } from '../domain/clock.ts';
import { asGatewayError, errors, GatewayError } from '../domain/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { dialectOf } from '../gateway/operations.ts';
import type { Events } from '../telemetry/events.ts';
import { registerAdmin } from './admin/admin.ts';
import { errorAnswer } from './errors.ts';
import { modelRoutes } from './model-routes.ts';
import { registerOps } from './ops.ts';

interface ServerParts {
  readonly gateway: Gateway;
  readonly events: Events;
  readonly clock: Clock;
  readonly admin: Parameters<typeof registerAdmin>[1];
  readonly ops: Parameters<typeof registerOps>[1];
}

const adminBodyLimit = 2 ** 20;
/** Longer than the usual 60 s of a load balancer, so that it is never us who close under its request. */
const keepAliveTimeout = 75_000;
const headersTimeout = 60_000;
/** For a whole request body to come in. */
const requestTimeout = 300_000;

export function createHttpServer({ gateway, events, clock, admin, ops }: ServerParts): FastifyInstance {
  const serveModels = modelRoutes({ gateway, events, clock });
  const app = fastify({
    bodyLimit: adminBodyLimit,
    serverFactory: handler =>
      createServer({ keepAliveTimeout, headersTimeout, requestTimeout }, (req: IncomingMessage, res: ServerResponse) => {
        if (!serveModels(req, res)) handler(req, res);
      }),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: true } },
  });
  app.setErrorHandler((thrown: FastifyError, request, reply) => {
    const error = fromFastify(thrown);
    if (asGatewayError(error).code === 'internal') events.error(`${request.method} ${request.url} failed`, thrown);
    const answer = errorAnswer(dialectOf(request.url), error);
    return reply.code(answer.status).headers(answer.headers).send(answer.body);
  });
  app.setNotFoundHandler(request => {
    throw errors.notFound(`There is no route ${request.method} ${request.url.slice(0, 200)}.`);
  });
  registerOps(app, ops);
  registerAdmin(app, admin);
  return app;
}

/** Fastify's own refusals in the words of the catalogue. */
function fromFastify(thrown: FastifyError): Error {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return errors.requestTooLarge('The request body is larger than the 1 MiB that admin routes take.');
  }
  return thrown.statusCode !== undefined && thrown.statusCode < 500 ? errors.invalidRequest(thrown.message) : thrown;
}
