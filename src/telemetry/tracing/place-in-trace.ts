/**
 * Which trace a request belongs to, and whether it is recorded. What a stranger says counts for nothing but a link: only
 * a client with a known key may have its trace continued, or have it recorded, and both only where the operator wants it.
 */
import { type Link, type SpanContext, TraceFlags } from '@opentelemetry/api';
import { type IdGenerator, SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import type { TracingConfig } from '../../config/config.ts';

export interface PlaceInTrace {
  /** Of the request's first span. */
  readonly context: SpanContext;
  /** The client's span, where this trace continues its trace. */
  readonly parent: SpanContext | null;
  readonly links: Link[];
  readonly isRecorded: boolean;
}

/** `isKnown`: the client has a key that is known. */
export type FindPlace = (client: SpanContext | null, isKnown: boolean) => PlaceInTrace;

type Choices = Pick<TracingConfig, 'traceparent' | 'clientSampling' | 'sampler'>;

export const placesBy = ({ traceparent, clientSampling, sampler }: Choices, ids: IdGenerator): FindPlace => {
  const byRatio = new TraceIdRatioBasedSampler(sampler.ratio);
  const isSampled = (traceId: string) =>
    byRatio.shouldSample(null, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
  const isRecorded = (drawn: string, client: SpanContext | null) => {
    // The ratio is of trace IDs: a client that is not believed could choose one that is always recorded.
    if (client === null || !clientSampling) return isSampled(drawn);
    return sampler.isParentBased ? (client.traceFlags & TraceFlags.SAMPLED) !== 0 : isSampled(client.traceId);
  };
  return (client, isKnown) => {
    const drawn = ids.generateTraceId();
    const believed = isKnown ? client : null;
    const parent = traceparent === 'parent' ? believed : null;
    const recorded = isRecorded(drawn, believed);
    const context = {
      traceId: parent?.traceId ?? drawn,
      spanId: ids.generateSpanId(),
      traceFlags: recorded ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(parent?.traceState && { traceState: parent.traceState }),
    };
    const links = client === null || parent !== null ? [] : [{ context: client }];
    return { context, parent, links, isRecorded: recorded };
  };
};
