/** Traces: the product's own choices from `[tracing]`, all else from the standard variables OTEL_*. */
import { choice, flag, type Values, withDefault } from '../values.ts';
import { OtelEnvironment } from './otel-environment.ts';
import { attribute, header, milliseconds, protocol, ratio, samplers, wholeNumber } from './otel-values.ts';

export const tracingKeys = {
  traceparent: withDefault('link', choice(['link', 'parent'])),
  client_sampling: withDefault('false', flag),
  send_upstream: withDefault('false', flag),
};

export interface TracingConfig {
  /** What a valid `traceparent` of a client with a known key is to the gateway's trace; of others it is a link. */
  readonly traceparent: 'link' | 'parent';
  /** Its sampled flag decides whether the request is recorded, if its key is known. */
  readonly clientSampling: boolean;
  /** The gateway's `traceparent` goes upstream. */
  readonly sendsUpstream: boolean;
  readonly sampler: Sampler;
  readonly exporter: ExporterConfig;
  readonly batch: BatchConfig;
  /** What is told of this process, beside its name and version. */
  readonly resource: Readonly<Record<string, string>>;
}

interface Sampler {
  /** The flag of a parent that is believed decides; without one the ratio does. */
  readonly isParentBased: boolean;
  /** 0 … 1 of all traces. */
  readonly ratio: number;
}

interface ExporterConfig {
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** They may contain secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** For one batch, with all its tries. */
  readonly timeoutMs: number;
  readonly compression: 'none' | 'gzip';
  /** PEM files; null: the system's authorities, and no certificate of our own. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

interface BatchConfig {
  /** Spans that are held, those on their way included; more are dropped. */
  readonly maxSpans: number;
  readonly maxBatch: number;
  readonly delayMs: number;
}

/** Twice what a request has at most: half of the room is for requests without a known key. */
const fewestSpans = 16;

type Env = Readonly<Record<string, string | undefined>>;

/** Null: nothing is traced. Values that cannot be used are told in `warnings`, and the default holds, as OpenTelemetry asks. */
export const readTracing = (
  env: Env,
  own: Partial<Values<typeof tracingKeys>>,
  warnings: string[],
): TracingConfig | null => {
  const otel = new OtelEnvironment(env, warnings);
  const url = otel.flag('OTEL_SDK_DISABLED') ? null : endpointOf(otel);
  if (url === null) return null;
  const choices = {
    traceparent: own.traceparent?.value ?? 'link',
    clientSampling: own.client_sampling?.value ?? false,
    sendsUpstream: own.send_upstream?.value ?? false,
  };
  const sampler = samplerOf(otel);
  if (choices.clientSampling && !sampler.isParentBased)
    warnings.push('[tracing] client_sampling: has no effect, because OTEL_TRACES_SAMPLER asks no parent');
  const exporter = exporterOf(otel, url);
  const config = { ...choices, sampler, exporter, batch: batchOf(otel), resource: resourceOf(otel) };
  otel.tellUnsupported();
  return config;
};

/** Null: nothing is exported. An endpoint turns tracing on; so does asking for the exporter, with its default endpoint. */
const endpointOf = (otel: OtelEnvironment): string | null => {
  const asked = otel.choice('OTEL_TRACES_EXPORTER', ['otlp', 'none'], null);
  if (asked === 'none') return null;
  const own = otel.text('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const general = otel.text('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (own !== null) return otel.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own);
  if (general !== null) {
    const path = general.endsWith('/') ? 'v1/traces' : '/v1/traces';
    return otel.url('OTEL_EXPORTER_OTLP_ENDPOINT', general + path);
  }
  return asked === 'otlp' ? 'http://localhost:4318/v1/traces' : null;
};

const samplerOf = (otel: OtelEnvironment): Sampler => {
  const name = otel.choice('OTEL_TRACES_SAMPLER', samplers, 'parentbased_always_on');
  const isParentBased = name.startsWith('parentbased_');
  if (name.endsWith('always_off')) return { isParentBased, ratio: 0 };
  if (name.endsWith('always_on')) return { isParentBased, ratio: 1 };
  return { isParentBased, ratio: otel.parsed('OTEL_TRACES_SAMPLER_ARG', ratio) ?? 1 };
};

const exporterOf = (otel: OtelEnvironment, url: string): ExporterConfig => {
  const timeoutMs = otel.ofTraces('TIMEOUT', milliseconds) ?? 10_000;
  const longest = otel.parsed('OTEL_BSP_EXPORT_TIMEOUT', milliseconds) ?? 30_000;
  return {
    url,
    protocol: otel.ofTraces('PROTOCOL', protocol) ?? 'http/protobuf',
    headers: {
      ...otel.pairs('OTEL_EXPORTER_OTLP_HEADERS', header),
      ...otel.pairs('OTEL_EXPORTER_OTLP_TRACES_HEADERS', header),
    },
    timeoutMs: Math.min(timeoutMs, longest),
    compression: otel.ofTraces('COMPRESSION', choice(['none', 'gzip'])) ?? 'none',
    caFile: otel.textOfTraces('CERTIFICATE'),
    certFile: otel.textOfTraces('CLIENT_CERTIFICATE'),
    keyFile: otel.textOfTraces('CLIENT_KEY'),
  };
};

const batchOf = (otel: OtelEnvironment): BatchConfig => {
  const maxSpans = otel.parsed('OTEL_BSP_MAX_QUEUE_SIZE', wholeNumber(fewestSpans, 1_000_000)) ?? 2_048;
  const maxBatch = otel.parsed('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', wholeNumber(1, 100_000)) ?? 512;
  const delayMs = otel.parsed('OTEL_BSP_SCHEDULE_DELAY', wholeNumber(0, 3_600_000)) ?? 5_000;
  return { maxSpans, maxBatch: Math.min(maxBatch, maxSpans), delayMs };
};

const resourceOf = (otel: OtelEnvironment): Readonly<Record<string, string>> => {
  const attributes = otel.pairs('OTEL_RESOURCE_ATTRIBUTES', attribute);
  const name = otel.text('OTEL_SERVICE_NAME') ?? attributes['service.name'] ?? 'tokligence-gateway';
  return { ...attributes, 'service.name': name };
};
