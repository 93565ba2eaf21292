/** Spans on their way to a collector, by OTLP over HTTP. The packages know the encodings, and when to try again. */
import { readFileSync } from 'node:fs';
import { createOtlpHttpExportDelegate, httpAgentFactoryFromOptions } from '@opentelemetry/otlp-exporter-base/node-http';
import {
  type IExportTraceServiceResponse,
  type ISerializer,
  JsonTraceSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
} from '@opentelemetry/otlp-transformer';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';

type Exporter = TracingConfig['exporter'];
type Serializer = ISerializer<ReadableSpan[], IExportTraceServiceResponse>;

/** With those that were given up, whose connections may take a while to end. */
const mostConcurrent = 30;

/**
 * `rejected` is called where the collector takes a batch without some of its spans. Throws if a certificate cannot be
 * read.
 */
export function otlpExporter(config: Exporter, rejected: (spans: number, reason: string) => void): SpanExporter {
  const { url, timeoutMs, compression, protocol } = config;
  const isJson = protocol === 'http/json';
  const headers = { ...config.headers, 'Content-Type': isJson ? 'application/json' : 'application/x-protobuf' };
  const agent = { keepAlive: true, ca: read(config.caFile), cert: read(config.certFile), key: read(config.keyFile) };
  return createOtlpHttpExportDelegate(
    {
      url,
      headers: async () => ({ ...headers }),
      timeoutMillis: timeoutMs,
      compression,
      concurrencyLimit: mostConcurrent,
      agentFactory: httpAgentFactoryFromOptions(agent),
    },
    hearing(isJson ? JsonTraceSerializer : ProtobufTraceSerializer, rejected),
    'otlp_http_span_exporter',
    TraceExporterMetricsHelper,
    undefined,
  );
}

const read = (file: string | null): Buffer | undefined => (file === null ? undefined : readFileSync(file));

/** The package only logs what the collector says of spans that it has not taken. */
const hearing = (serializer: Serializer, rejected: (spans: number, reason: string) => void): Serializer => ({
  serializeRequest: spans => serializer.serializeRequest(spans),
  deserializeResponse(bytes) {
    const response = serializer.deserializeResponse(bytes);
    const { rejectedSpans = 0, errorMessage = '' } = response.partialSuccess ?? {};
    // JSON spells 64-bit numbers as texts, and holds whatever a collector writes.
    const count = Number(rejectedSpans);
    if (count > 0) rejected(count, String(errorMessage));
    return {};
  },
});
