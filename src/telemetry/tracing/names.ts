/**
 * The names of attributes: OpenTelemetry's semantic conventions, and `tokligence.*` for what has none there. Written
 * here, because the package that has them loads thousands; a test compares them with it.
 */

/** The version of the conventions. */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.45.0';

export const conventional = {
  method: 'http.request.method',
  resendCount: 'http.request.resend_count',
  status: 'http.response.status_code',
  route: 'http.route',
  path: 'url.path',
  scheme: 'url.scheme',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  errorType: 'error.type',
  operation: 'gen_ai.operation.name',
  genAiProvider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  cachedInputTokens: 'gen_ai.usage.cache_read.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
} as const;

export const own = {
  requestId: 'tokligence.request_id',
  upstreamRequestId: 'tokligence.upstream_request_id',
  outcome: 'tokligence.outcome',
  level: 'tokligence.level',
  levelSource: 'tokligence.level_source',
  tenant: 'tokligence.tenant',
  keyId: 'tokligence.key_id',
  mappingId: 'tokligence.mapping_id',
  provider: 'tokligence.provider',
  pool: 'tokligence.pool',
  attempt: 'tokligence.attempt',
  endpoint: 'tokligence.endpoint',
  /** Of a wait: the place at its begin, and how it ended. */
  position: 'tokligence.position',
  reason: 'tokligence.reason',
  /** In seconds, from the begin of the call to the head of the answer. */
  timeToFirstByte: 'tokligence.time_to_first_byte',
  isUsageEstimated: 'tokligence.usage_estimated',
} as const;
