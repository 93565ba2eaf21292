import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import fastify, { type FastifyRequest } from 'fastify';
import type { CorsOrigins } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import type { GatewayError } from '../domain/errors.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { dialectOf } from '../gateway/operations.ts';
import { refuseEncoded, sentOnce } from '../gateway/receiving/body-headers.ts';
import { holdBody, inviteBody } from '../gateway/receiving/invitation.ts';
import { gatewayNameHeader, requestIdHeader, requestIdOf } from '../gateway/request-id.ts';
import { closeWithConnection } from '../gateway/sent-ahead.ts';
import type { Events } from '../telemetry/events.ts';
import type { Tracing } from '../telemetry/tracing/tracing.ts';
import { isAdminUrl, registerAdmin } from './admin/admin.ts';
import { registerConsole } from './console.ts';
import type { Connections } from './door/connections.ts';
import { answerPreflight } from './door/cors.ts';
import { errorAnswer } from './errors.ts';
import { modelRoutes } from './model-routes.ts';
import { registerOpenApi } from './openapi.ts';
import { isProbe, registerOps } from './ops.ts';
import { requestFaults } from './request-faults.ts';
import { errorAnswerer, noSuchRoute, refusedOf, tooLarge } from './route-errors.ts';
import { unreadableRefuser } from './unreadable.ts';
import { urlOf } from './url-of.ts';

export type { ConsoleService } from './admin/session.ts';

interface ServerParts {
  readonly gateway: Gateway;
  readonly events: Events;
  readonly clock: Clock;
  readonly connections: Connections;
  readonly admin: Parameters<typeof registerAdmin>[1];
  /** The folder of the built console, if not the usual one. */
  readonly consoleFolder: string | undefined;
  /** On every answer, in `X-Tokligence-Gateway`; null: on none. */
  readonly gatewayName: string | null;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly corsOrigins: CorsOrigins | null;
  readonly ops: Parameters<typeof registerOps>[1];
}

/** Long enough to send the last bytes, short enough not to delay the exit. */
const flushMs = 1_000;
/** Longer than the usual 60 s of a load balancer, so that the gateway never closes a connection under its request. */
const keepAliveTimeout = 75_000;
const headersTimeout = 10_000;
/** The precision of that. */
const connectionsCheckingInterval = 1_000;
/** For a whole request body to come in. */
const requestTimeout = 300_000;

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

export interface HttpServer {
  /** Answers the URL it listens on. */
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
  /**
   * Takes no new connection from now on. What it answers, once what was under way has been answered,
   * closes the connections that are left.
   */
  drain(): () => Promise<void>;
}

export function createHttpServer(parts: ServerParts): HttpServer {
  const { events, clock, admin, consoleFolder, gatewayName, ops } = parts;
  const answerError = errorAnswerer(events);
  const app = fastify({
    return503OnClosing: false,
    genReqId: requestIdOf,
    // A request's id in a path, of 128 characters, each of which may be written as three.
    routerOptions: { maxParamLength: 384 },
    clientErrorHandler: unreadableRefuser({ clock, events, gatewayName }),
    // A URL that cannot be decoded never reaches the error handler.
    frameworkErrors: answerError,
    serverFactory: handler => nodeServer(parts, handler),
  });
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(noSuchRoute);
  // Else the body would be read first, of anybody. Under /admin it is read of admins only.
  app.addHook('onRequest', async (request, reply) => {
    reply.header(requestIdHeader(dialectOf(request.url)), request.id);
    if (request.is404 && !isAdminUrl(request.url)) noSuchRoute(request);
  });
  app.addHook('preParsing', async request => expectBody(request));
  registerOpenApi(app);
  registerOps(app, ops);
  registerAdmin(app, admin);
  if (admin.console !== null) registerConsole(app, events, consoleFolder);
  return {
    async listen({ host, port }) {
      await app.listen({ host, port });
      // A connection that the system could not give us; without a listener it would end the process.
      app.server.on('error', error => events.error('A connection could not be accepted', error));
      return urlOf(app.server);
    },
    drain() {
      const closed = app.close();
      return () => closeConnections(app.server, closed, clock);
    },
  };
}

/** Resolves when the server is closed; its connections get a moment for the last bytes. */
async function closeConnections(server: Server, closed: Promise<void>, clock: Clock): Promise<void> {
  server.closeIdleConnections();
  const cancel = clock.after(flushMs, () => server.closeAllConnections());
  await closed;
  cancel();
}

/** The server under Fastify, which `handler` stands for. */
function nodeServer(parts: ServerParts, handler: Listener): Server {
  const serve = listener(parts, handler);
  const server = createServer(
    {
      keepAliveTimeout,
      headersTimeout,
      connectionsCheckingInterval,
      requestTimeout,
      // Answered by requestFaults, in the shape of every error.
      requireHostHeader: false,
      // Of two Authorization headers the first would win in silence; joined they are no key that anybody has.
      joinDuplicateHeaders: true,
    },
    serve,
  );
  parts.connections.watch(server);
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    holdBody(req, res);
    serve(req, res);
  });
  // node:http would answer it in a shape of its own.
  return server.on('checkExpectation', serve);
}

/** The entry of every request; `handler` receives all except the model routes. */
function listener(parts: ServerParts, handler: Listener): Listener {
  const { connections, events, gatewayName, corsOrigins } = parts;
  const serveModels = modelRoutes(parts);
  const faultOf = requestFaults();
  /** Before anything else of the request is looked at: what follows on this connection is not read. */
  function refuse(error: GatewayError, req: IncomingMessage, res: ServerResponse): void {
    events.requestRefused({ ...refusedOf(req, error), durationMs: 0, isCounted: true });
    const { status, headers, body } = errorAnswer(dialectOf(req.url ?? ''), error, requestIdOf(req));
    tellGateway(res);
    res.writeHead(status, { ...headers, connection: 'close' }).end(body);
  }
  /** The answers of model routes have it by `Exchange.ownHeaders`, where it costs less. */
  function tellGateway(res: ServerResponse): void {
    if (gatewayName !== null) res.setHeader(gatewayNameHeader, gatewayName);
  }
  return (req, res) => {
    closeWithConnection(req.socket, res);
    const place = connections.begin(req.socket, res);
    if (place === 'gone') return;
    if (!req.url?.startsWith('/')) req.url = originForm(req.url ?? '');
    const fault = faultOf(req);
    if (fault !== null) return refuse(fault, req, res);
    const refusal = place === 'spare' && !isProbe(req.url) ? connections.refuse(req.socket) : null;
    if (serveModels(req, res, refusal)) return;
    if (refusal !== null) return refuse(refusal, req, res);
    tellGateway(res);
    const preflight = corsOrigins === null ? 'none' : answerPreflight(corsOrigins, req, res);
    if (preflight === 'answered') return;
    if (preflight !== 'none') return refuse(preflight, req, res);
    handler(req, res);
  };
}

/** Checks what is known of a body before it comes; its client may be waiting for 100 (Continue). */
function expectBody(request: FastifyRequest): void {
  if (request.is404) noSuchRoute(request);
  refuseEncoded(request.headers);
  const { bodyLimit } = request.routeOptions;
  if (bodyLimit !== undefined && Number(request.headers['content-length']) > bodyLimit) throw tooLarge(bodyLimit);
  const { 'content-type': type } = request.headers;
  if (type !== undefined) request.headers['content-type'] = sentOnce(type);
  inviteBody(request.raw);
}

/** Path and query of a URL that a client, taking us for a proxy, sent whole. */
function originForm(url: string): string {
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1];
  if (rest === undefined) return url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}
