import type { Outcome } from '../../src/domain/outcome.ts';

/** A request that waited, was served and used tokens. */
export const endedRequest: Outcome = {
  requestId: 'req_1',
  outcome: 'served',
  status: 200,
  method: 'POST',
  path: '/v1/chat/completions',
  keyId: 5,
  flowId: 'dept-prod',
  mappingId: 3,
  asked: null,
  level: 2,
  source: 'mapping',
  isRaised: false,
  model: 'a-model',
  provider: 'gpu',
  pool: 'gpus',
  isGranted: true,
  waitMs: 300,
  durationMs: 523,
  usage: { inputTokens: 100, cachedInputTokens: 40, outputTokens: 20, isEstimated: false },
  upstreamRequestId: null,
  upstreamFault: null,
  attempts: [{ provider: 'gpu', endpoint: null, failure: null, ms: 223 }],
  spilledFrom: null,
};
