/**
 * The OpenAPI document of this gateway's routes. Admin routes are described by the schemas that validate requests and
 * type answers; there is no second list.
 */
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { version } from '../config/version.ts';
import { errorKinds } from '../domain/errors.ts';
import type { Role } from '../domain/vocabulary.ts';
import * as contract from './admin/contract/contract.ts';
import * as inspectContract from './admin/contract/inspect.ts';
import * as liveContract from './admin/contract/live.ts';
import * as poolContract from './admin/contract/pool.ts';
import * as sessionContract from './admin/contract/session.ts';
import * as timingContract from './admin/contract/timing.ts';
import * as transferContract from './admin/contract/transfer.ts';
import { isConsoleUrl } from './console.ts';
import { type Described, errorSchemas, modelPaths, openPaths } from './openapi-routes.ts';
import { sessionCookieName } from './session-cookie.ts';

type JsonSchema = Readonly<Record<string, unknown>>;
type Paths = Record<string, Record<string, Described>>;
type Components = Record<string, unknown>;

const adminPrefix = '/admin/';

/** Serves `GET /openapi.json`. Must be called before any other route is registered. */
export function registerOpenApi(app: FastifyInstance): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', route => {
    // Fastify adds HEAD to every GET.
    if (route.method === 'HEAD' || route.config?.isRefusal === true || isConsoleUrl(route.url)) return;
    if (!route.url.startsWith(adminPrefix) && openPaths[route.url] === undefined) {
      throw new Error(`${route.url} is not described in openapi-routes.ts`);
    }
    routes.push(route);
  });
  let text: string | null = null;
  app.get('/openapi.json', (_request, reply) => {
    text ??= JSON.stringify(documentOf(routes));
    return reply.type('application/json').header('cache-control', 'no-cache').send(text);
  });
}

function documentOf(routes: readonly RouteOptions[]): object {
  const components: Components = { ...errorSchemas };
  const paths: Paths = modelPaths();
  const versioned = new Set<string>();
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}');
    const operation = openPaths[route.url] ?? adminOperation(route, path, components);
    paths[path] = { ...paths[path], ...Object.fromEntries(methodsOf(route).map(method => [method, operation])) };
    if (methodsOf(route).includes('get') && isVersioned(route.schema)) versioned.add(path);
  }
  for (const path of versioned) takeVersions(paths[path] ?? {});
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tokligence Gateway',
      version,
      description: 'Who gets which priority, and the model routes that wait in its lanes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }, { session: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: sessionCookieName,
          description: `For admin routes; what changes something needs the header ${sessionContract.consoleHeader}: 1 beside it.`,
        },
      },
    },
  };
}

const methodsOf = ({ method }: RouteOptions): string[] => [method].flat().map(name => name.toLowerCase());

function adminOperation(route: RouteOptions, path: string, components: Components): Described {
  const {
    summary = '',
    body,
    querystring,
    response = {},
    needs,
    takesFile,
    answersFile = [],
    answersEvents,
  } = route.schema ?? {};
  const shown = (schema: unknown) => hoisted(schema as JsonSchema, components);
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const answers = Object.entries(response as Record<string, unknown>).map(([status, schema]) => {
    const content = { 'application/json': { schema: shown(schema) }, ...files(answersFile) };
    return [status, { description: 'Done.', content }] as const;
  });
  const sent = body === undefined ? files(takesFile ?? []) : { 'application/json': { schema: shown(body) } };
  return {
    operationId: operationId(methodsOf(route)[0] ?? '', path),
    tags: [path.split('/')[2] ?? 'admin'],
    summary,
    ...neededBy(needs, route.config?.roles ?? []),
    parameters: [...names.map(pathParameter), ...queryParameters(querystring, shown)],
    ...(Object.keys(sent).length === 0 ? {} : { requestBody: { required: true, content: sent } }),
    responses: {
      ...Object.fromEntries(answers),
      ...(answersEvents === undefined ? {} : { 200: eventStream(answersEvents, shown) }),
      ...errorAnswers(refusalsOf(route.schema, names)),
    },
  };
}

function neededBy(needs: FastifySchema['needs'], roles: readonly Role[]): object {
  const owner = `of one of: ${roles.join(', ')}`;
  if (needs === null) return { description: `The body carries the key ${owner}.`, security: [] };
  if (needs === 'session') return { description: `Needs the session ${owner}.`, security: [{ session: [] }] };
  return { description: `Needs the key or the session ${owner}.` };
}

/** Texts that are described only by their content type. */
const files = (types: readonly string[]): Record<string, object> =>
  Object.fromEntries(types.map(type => [type, { schema: type === 'application/json' ? {} : { type: 'string' } }]));

/** OpenAPI cannot describe the content of each event, so it is in an extension field. */
const eventStream = (events: Readonly<Record<string, unknown>>, shown: (schema: unknown) => unknown) => ({
  description: `Server-sent events: ${Object.keys(events).join(', ')}.`,
  content: {
    'text/event-stream': {
      schema: { type: 'string' },
      'x-events': Object.fromEntries(Object.entries(events).map(([name, schema]) => [name, shown(schema)])),
    },
  },
});

const operationId = (method: string, path: string): string =>
  `${method}-${path.slice(adminPrefix.length)}`.replaceAll(/[^A-Za-z0-9]+([A-Za-z0-9])?/g, (_, letter = '') =>
    letter.toUpperCase(),
  );

const pathParameter = (name: string) => ({
  name,
  in: 'path',
  required: true,
  schema: name === 'id' ? { type: 'integer', minimum: 1 } : { type: 'string' },
});

function queryParameters(querystring: unknown, shown: (schema: unknown) => unknown): object[] {
  const { properties = {}, required = [] } = (querystring ?? {}) as {
    properties?: Record<string, { description?: string }>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(schema.description === undefined ? {} : { description: schema.description }),
    schema: shown(schema),
  }));
}

/** The statuses that a client of the route should expect; others are `default`. */
function refusalsOf(schema: FastifySchema | undefined, names: readonly string[]): number[] {
  const fromBody = schema?.body === undefined && schema?.takesFile === undefined ? [] : [409, 413];
  return [400, 401, 403, ...(names.length > 0 ? [404] : []), ...fromBody, 429, 500, 503];
}

const errorContent = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };

function errorAnswers(statuses: readonly number[]): Record<string, object> {
  const answers = statuses.map(status => {
    const codes = Object.entries(errorKinds).filter(([, kind]) => kind.status === status);
    return [status, { description: codes.map(([code]) => code).join(', '), content: errorContent }] as const;
  });
  return { ...Object.fromEntries(answers), default: { description: 'Refused.', content: errorContent } };
}

/** A row that is shown with its version is changed and deleted only if it still has that version. */
function takeVersions(path: Record<string, Described>): void {
  for (const method of ['put', 'delete']) {
    const operation = path[method];
    if (operation === undefined) continue;
    path[method] = {
      ...operation,
      parameters: [...(operation.parameters as object[]), ifMatch],
      responses: { ...(operation.responses as object), 412: { description: 'stale', content: errorContent } },
    };
  }
}

function isVersioned(schema: FastifySchema | undefined): boolean {
  const { 200: answer } = (schema?.response ?? {}) as { 200?: { properties?: object } };
  return Object.hasOwn(answer?.properties ?? {}, 'etag');
}

const ifMatch = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'the ETag of the row as it was read: a row that was changed since answers 412',
  schema: { type: 'string' },
};

/** The objects of the contract by identity, with their names in the contract. */
const contractNames: ReadonlyMap<unknown, string> = new Map(
  Object.entries({
    ...contract,
    ...inspectContract,
    ...liveContract,
    ...poolContract,
    ...sessionContract,
    ...timingContract,
    ...transferContract,
  })
    .filter(([, schema]) => typeof schema === 'object' && 'type' in schema && schema.type === 'object')
    .map(([name, schema]) => [schema, name.charAt(0).toUpperCase() + name.slice(1)]),
);

/** Replaces the contract's objects inside a schema by references, and stores them in `components`. */
function hoisted(schema: JsonSchema, components: Components): unknown {
  const name = contractNames.get(schema);
  if (name === undefined) return within(schema, components);
  if (!Object.hasOwn(components, name)) {
    components[name] = {};
    components[name] = within(schema, components);
  }
  return { $ref: `#/components/schemas/${name}` };
}

function within(value: unknown, components: Components): unknown {
  if (Array.isArray(value)) return value.map(one => nested(one, components));
  if (typeof value !== 'object' || value === null) return value;
  // TypeBox's own marks begin with ~ and are not JSON Schema.
  const entries = Object.entries(value).filter(([name, inner]) => !name.startsWith('~') && inner !== undefined);
  return Object.fromEntries(entries.map(([name, inner]) => [name, nested(inner, components)]));
}

const nested = (value: unknown, components: Components): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? hoisted(value as JsonSchema, components)
    : within(value, components);
