/** Traces of requests, by OpenTelemetry. Loaded where they are on, and only then (decision 0044). */
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { RandomIdGenerator } from '@opentelemetry/sdk-trace';
import type { Config, TracingConfig } from '../../config/config.ts';
import { baseUrlIn } from '../../config/providers/base-urls.ts';
import { version } from '../../config/version.ts';
import type { Clock } from '../../domain/clock.ts';
import type { RequestTrace } from '../../domain/request-trace.ts';
import type { Events } from '../events.ts';
import { schemaUrl } from './names.ts';
import { otlpExporter } from './otlp.ts';
import { placesBy } from './place-in-trace.ts';
import { SpanOutlet } from './span-outlet.ts';
import { type Server, type SpanSource, spansOf } from './spans.ts';
import { type Arrival, TracedRequest } from './traced-request.ts';

export interface Tracing {
  /** Watches one request. */
  begin(arrival: Arrival): RequestTrace;
  spans(): SpanCounts;
  /** Sends what is left, within a time that a stop can spare. */
  close(): Promise<void>;
}

/** Of spans, since the start. */
interface SpanCounts {
  readonly sent: number;
  readonly dropped: number;
}

interface TracingParts {
  readonly clock: Clock;
  readonly events: Pick<Events, 'info' | 'warn'>;
  /** What this process is called. */
  readonly name: string;
}

/** What a stop can spare for the last spans: as long as requests have, and no longer than this. */
const longestFlushMs = 5_000;
const shortestFlushMs = 1_000;

/** Null where it cannot be opened; the log says why. */
export function openTracing(config: Config, tracing: TracingConfig, parts: TracingParts): Tracing | null {
  const { clock } = parts;
  const outlet = openOutlet(tracing, parts);
  if (outlet === null) return null;
  const ids = new RandomIdGenerator();
  const source: SpanSource = {
    ids,
    resource: resourceOf(tracing, parts.name),
    scope: { name: 'tokligence-gateway', version, schemaUrl },
    servers: serversOf(config),
  };
  const request = {
    clock,
    ids,
    findPlace: placesBy(tracing, ids),
    sendsUpstream: tracing.sendsUpstream,
    recorded: (recording: Parameters<typeof spansOf>[0]) =>
      outlet.offer(spansOf(recording, source), recording.outcome.keyId === null),
  };
  const { shutdownGraceMs } = config.gateway;
  return {
    begin: arrival => new TracedRequest(arrival, request),
    spans: () => outlet,
    close: () => outlet.close(Math.min(longestFlushMs, Math.max(shortestFlushMs, shutdownGraceMs))),
  };
}

function openOutlet(config: TracingConfig, { clock, events }: TracingParts): SpanOutlet | null {
  try {
    const exporter = otlpExporter(config.exporter, (spans, reason) => outlet.rejected(spans, reason));
    const outlet = new SpanOutlet({ exporter, config, clock, events });
    events.info(`Traces: spans are sent to ${shownUrl(config.exporter.url)} by OTLP (${config.exporter.protocol})`);
    return outlet;
  } catch (error) {
    events.warn(`Traces: nothing is traced: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

const resourceOf = ({ resource }: TracingConfig, name: string) =>
  defaultResource().merge(
    // The name is this process's own, also where several share the environment.
    resourceFromAttributes({ 'service.version': version, ...resource, 'service.instance.id': name }),
  );

const serversOf = ({ providers }: Config): ReadonlyMap<string, Server> =>
  new Map(
    providers.flatMap(provider => {
      if (provider.type === 'loopback') return [];
      const { hostname, port, protocol } = baseUrlIn(provider.baseUrls[0]).url;
      return [[provider.name, { address: hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) }]];
    }),
  );

/** Without a password and a query. */
const shownUrl = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};
