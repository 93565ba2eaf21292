import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
// The last version of the official package that has the schema compiled: later ones only write what they know themselves.
import schema from 'otlp-schema/build/src/generated/root.js';

// Its types do not tell what is in it.
const { ExportTraceServiceRequest } = (schema as any).opentelemetry.proto.collector.trace.v1;

type AttributeValue = string | number | boolean;

export interface SeenSpan {
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly traceState: string }[];
  /** Of its process. */
  readonly resource: Readonly<Record<string, AttributeValue>>;
  readonly scope: string;
}

interface SeenExport {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came, decoded from gzip. */
  readonly body: Buffer;
}

interface CollectorAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** Never answers. */
  readonly hangs?: boolean;
  readonly afterMs?: number;
}

/** A collector that takes OTLP over HTTP and reads it by the official schema. */
export interface Collector {
  readonly url: string;
  readonly exports: readonly SeenExport[];
  readonly spans: readonly SeenSpan[];
  /** Exports whose answers have been sent. */
  readonly answered: number;
  answer(answer: CollectorAnswer): void;
  /** Resolves to the spans of the trace whose first span has this value, once as many have come. */
  trace(attribute: string, value: AttributeValue, spans: number): Promise<SeenSpan[]>;
  waitForExports(count: number): Promise<void>;
}

export async function startCollector(t: TestContext): Promise<Collector> {
  const exports: SeenExport[] = [];
  const spans: SeenSpan[] = [];
  const watchers = new Set<() => void>();
  const sockets = new Set<Socket>();
  let answer: CollectorAnswer = {};
  let answered = 0;
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const sent = Buffer.concat(chunks);
    const body = req.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    exports.push({ url: req.url ?? '', headers: req.headers, body });
    const { status = 200, headers = {}, body: text, hangs = false, afterMs = 0 } = answer;
    if (status === 200 && !hangs) spans.push(...spansIn(body, String(req.headers['content-type'])));
    for (const watcher of watchers) watcher();
    if (hangs) return;
    if (afterMs > 0) await pause(afterMs);
    res.writeHead(status, headers).end(text, () => answered++);
  });
  server.on('connection', socket => sockets.add(socket));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise(resolve => server.close(resolve));
  });
  const once = <T>(read: () => T | null): Promise<T> =>
    new Promise(resolve => {
      const watcher = () => {
        const found = read();
        if (found === null) return;
        watchers.delete(watcher);
        resolve(found);
      };
      watchers.add(watcher);
      watcher();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exports,
    spans,
    get answered() {
      return answered;
    },
    answer(next) {
      answer = next;
    },
    trace: (attribute, value, count) =>
      once(() => {
        const first = spans.find(span => span.attributes[attribute] === value);
        const found = spans.filter(({ traceId }) => traceId === first?.traceId);
        return found.length >= count ? found : null;
      }),
    waitForExports: count => once(() => (exports.length >= count ? undefined : null)).then(() => {}),
  };
}

/** Throws where it is not as the schema says. */
function spansIn(body: Buffer, contentType: string): SeenSpan[] {
  const isJson = contentType === 'application/json';
  const request = isJson
    ? ExportTraceServiceRequest.fromObject(fromJson(body))
    : ExportTraceServiceRequest.decode(body);
  const whole: any = ExportTraceServiceRequest.toObject(request, { longs: String, enums: String, defaults: true });
  return whole.resourceSpans.flatMap((ofResource: any) =>
    ofResource.scopeSpans.flatMap((ofScope: any) =>
      ofScope.spans.map((span: any) => seen(span, attributesOf(ofResource.resource.attributes), ofScope.scope.name)),
    ),
  );
}

/** OTLP's JSON has IDs in hexadecimal, where the schema's usual mapping has Base64. */
function fromJson(body: Buffer): any {
  return JSON.parse(body.toString(), (key, value) => {
    const isId = /^(traceId|spanId|parentSpanId)$/.test(key) && typeof value === 'string';
    return isId ? Buffer.from(value, 'hex').toString('base64') : value;
  });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const seen = (span: any, resource: SeenSpan['resource'], scope: string): SeenSpan => ({
  name: span.name,
  kind: span.kind,
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentSpanId: hex(span.parentSpanId),
  startMs: Number(span.startTimeUnixNano) / 1e6,
  endMs: Number(span.endTimeUnixNano) / 1e6,
  status: span.status?.code ?? 'STATUS_CODE_UNSET',
  message: span.status?.message ?? '',
  attributes: attributesOf(span.attributes),
  links: span.links.map((link: any) => ({
    traceId: hex(link.traceId),
    spanId: hex(link.spanId),
    traceState: link.traceState,
  })),
  resource,
  scope,
});

const attributesOf = (list: any[]): Record<string, AttributeValue> =>
  Object.fromEntries(list.map(({ key, value }) => [key, scalarOf(value)]));

const scalarOf = (value: any): AttributeValue => {
  if (typeof value.stringValue === 'string') return value.stringValue;
  if (typeof value.boolValue === 'boolean') return value.boolValue;
  return Number(value.doubleValue ?? value.intValue);
};
