/**
 * Calls every operation of the OpenAPI document, with described arguments and others: never a 500, and every answer
 * conforms to the document.
 */
import type { Random } from '../../bench/sim/random.ts';
import { type ApiDocument, type DocumentedOperation, readApiDocument } from '../support/api-document.ts';
import { type Campaign, Finding } from './campaign.ts';
import { adminKey, startTarget, type TargetGateway } from './target-gateway.ts';

const casesPerStep = 20;
const startTeam = () =>
  startTarget(
    'team',
    '[provider.l]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\nmodels = m\n[pool.l]\nqueue_timeout_sec = 1\n',
  );
/** The first never ends; the others need a session's cookie, and answer 401 to a key. */
const leftOut = new Set(['GET /admin/scheduler/stream', 'GET /admin/session', 'DELETE /admin/session']);

/** A wrong key in the body is a 401 too, which does not concern the key of the request. */
const isSignIn = ({ method, path }: DocumentedOperation): boolean => method === 'POST' && path === '/admin/session';

const odd: readonly unknown[] = [
  ...[
    null,
    true,
    -1,
    0,
    1.5,
    1e308,
    2 ** 53,
    '',
    ' ',
    '\u0000',
    '\ud800',
    "'; DROP TABLE users; --",
    'é🚀',
    '*',
    '%',
    '\\',
  ],
  ...[
    'x'.repeat(600),
    'a@b',
    '2026-02-30T00:00:00Z',
    '99:99',
    '__proto__',
    [],
    {},
    [[[]]],
    { __proto__: null, constructor: 1 },
  ],
];

/** Replaces every `$ref` by its target. */
function whole(value: unknown, document: any): unknown {
  if (Array.isArray(value)) return value.map(one => whole(one, document));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref } = value as { $ref?: string };
  if ($ref !== undefined) {
    const named = $ref
      .slice(2)
      .split('/')
      .reduce((part, name) => part[name], document);
    return whole(named, document);
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, whole(member, document)]));
}

/** Likely values of a member with this name, so that some writes succeed. */
const likely: Record<string, (n: number) => unknown> = {
  email: n => `user-${n}@example.com`,
  user_id: n => 1 + (n % 4),
  mapping_id: n => 1 + (n % 6),
  pattern: n => `tok_${n % 50}_*`,
  prefix: n => `p${n % 9}`,
  weekdays: n => ['mon', 'tue', 'fri'].slice(n % 3),
  start: n => `0${n % 10}:30`,
  end: n => `1${n % 10}:00`,
  zone: () => 'Europe/Berlin',
  until: n => new Date(Date.now() + 60_000 + n).toISOString(),
  expires_at: n => new Date(Date.now() + 60_000 + n).toISOString(),
  for: n => 60 + (n % 600),
  key: () => 'policy',
  value: () => 'strict',
  name: () => 'l',
  id: n => 2 + (n % 6),
};
const likelihood = 0.7;

/** Returns a value of this schema, or a similar one, or something else altogether. */
function exampleOf(schema: any, random: Random, depth = 0): unknown {
  if (schema === undefined || depth > 6 || random.uniform() < 0.04) return odd[random.integer(odd.length)];
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[random.integer(schema.enum.length)];
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return exampleOf(choices[random.integer(choices.length)], random, depth + 1);
  switch (schema.type) {
    case 'object':
      return objectOf(schema, random, depth);
    case 'array':
      return Array.from({ length: random.integer(12) }, () => exampleOf(schema.items, random, depth + 1));
    case 'integer':
    case 'number':
      return (schema.minimum ?? 0) + random.integer((schema.maximum ?? 20) - (schema.minimum ?? 0) + 2);
    case 'boolean':
      return random.uniform() < 0.5;
    case 'null':
      return null;
    default:
      return textOf(schema, random);
  }
}

function memberOf(name: string, schema: any, random: Random, depth = 0): unknown {
  const guess = random.uniform() < likelihood ? likely[name] : undefined;
  return guess === undefined ? exampleOf(schema, random, depth) : guess(random.integer(1_000));
}

function objectOf(schema: any, random: Random, depth: number): object {
  const object: Record<string, unknown> = {};
  for (const [name, member] of Object.entries<any>(schema.properties ?? {})) {
    const isNeeded = schema.required?.includes(name) ?? false;
    if (isNeeded ? random.uniform() < 0.95 : random.uniform() < 0.5)
      object[name] = exampleOf(member, random, depth + 1);
  }
  if (random.uniform() < 0.05) object.surprise = odd[random.integer(odd.length)];
  return object;
}

const texts = [
  'tok_prod*',
  'tok_',
  'prefix',
  'regex',
  'mon',
  '09:00',
  'UTC',
  'Europe/Berlin',
  'policy',
  'share_by',
  'strict',
  'p0',
  'a@b.c',
  '1',
  'm',
];

function textOf(schema: any, random: Random): string {
  if (schema.format === 'date-time') return new Date(1.7e12 + random.integer(1e11)).toISOString();
  if (random.uniform() < 0.7) return texts[random.integer(texts.length)] ?? '';
  return String.fromCodePoint(
    ...Array.from({ length: random.integer(schema.maxLength ?? 20) % 300 }, () => 1 + random.integer(0xd000)),
  );
}

function requestOf({ path, parameters = [], requestBody }: DocumentedOperation, random: Random) {
  const encoded = (value: unknown) =>
    encodeURIComponent(
      String(typeof value === 'object' ? JSON.stringify(value) : value).replace(/[\ud800-\udfff]/g, '?'),
    );
  let url = path;
  const query: string[] = [];
  for (const { name, in: place, schema, required } of parameters) {
    if (place === 'path') url = url.replace(`{${name}}`, encoded(memberOf(name, schema, random)) || '0');
    else if (place === 'query' && (required || random.uniform() < 0.4))
      query.push(`${name}=${encoded(memberOf(name, schema, random))}`);
  }
  const [type] = Object.keys(requestBody?.content ?? {});
  const body = type === undefined ? undefined : exampleOf(requestBody.content[type].schema, random);
  return { url: query.length > 0 ? `${url}?${query.join('&')}` : url, type, body };
}

async function call(
  target: TargetGateway,
  api: ApiDocument,
  operation: DocumentedOperation,
  random: Random,
): Promise<number> {
  const { url, type, body } = requestOf(operation, random);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const input = `${operation.method} ${url}\n${sent ?? ''}`;
  const response = await fetch(target.url + url, {
    method: operation.method,
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(sent === undefined || type === undefined ? {} : { 'content-type': type }),
    },
    ...(sent === undefined ? {} : { body: sent }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (response.status >= 500 && response.status !== 501)
    throw new Finding(`${operation.method} ${url}: ${response.status} ${text.slice(0, 300)}`, input);
  if (!response.headers.get('content-type')?.startsWith('application/json')) return response.status;
  const fault = api.faultOf(operation, response.status, JSON.parse(text));
  if (fault !== null)
    throw new Finding(`${operation.method} ${url}: ${response.status} ${fault}: ${text.slice(0, 300)}`, input);
  return response.status;
}

export const adminOperations: Campaign = {
  name: 'admin-operations',
  share: 2,
  async start() {
    let target = await startTeam();
    const api = await readApiDocument(target.url);
    const operations = (whole(api.operations, api.document) as DocumentedOperation[]).filter(
      ({ method, path }) => path.startsWith('/admin/') && !leftOut.has(`${method} ${path}`),
    );
    return {
      async step(random) {
        let isLetIn = true;
        for (let n = 0; n < casesPerStep && isLetIn; n++) {
          const operation = operations[random.integer(operations.length)];
          if (operation === undefined) continue;
          const status = await call(target, api, operation, random);
          isLetIn = status !== 401 || isSignIn(operation);
        }
        if (target.faults.length > 0) throw new Finding(target.faults.join('\n'), '');
        // The key has revoked itself, or its user's rights.
        if (!isLetIn) {
          await target.stop();
          target = await startTeam();
        }
        return casesPerStep;
      },
      async stop() {
        await target.stop();
      },
    };
  },
};
