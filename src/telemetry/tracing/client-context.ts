/** What a client says of its own trace. It is anybody's text: valid and short, or not there. */
import type { SpanContext } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';

export type Headers = NodeJS.Dict<string | string[]>;

/** Version 00 has 55 characters; later ones may have more. */
const longestTraceparent = 128;
/** As much as W3C Trace Context asks everybody to pass on. */
const longestTracestate = 512;

/** Null where there is no valid `traceparent`. A `tracestate` that is too long is left out. */
export function clientContext({ traceparent, tracestate }: Headers): SpanContext | null {
  if (typeof traceparent !== 'string' || traceparent.length > longestTraceparent) return null;
  const context = parseTraceParent(traceparent);
  if (context === null) return null;
  context.isRemote = true;
  if (typeof tracestate !== 'string' || tracestate.length > longestTracestate) return context;
  const state = new TraceState(tracestate);
  return state.serialize() === '' ? context : { ...context, traceState: state };
}

/** The headers as they go upstream: with this context in the place of the client's, or with none. */
export function withContext<H extends Headers>(headers: H, context: SpanContext | null): H {
  if (context === null && headers.traceparent === undefined && headers.tracestate === undefined) return headers;
  return {
    ...headers,
    traceparent: context === null ? undefined : traceparentOf(context),
    tracestate: context?.traceState?.serialize(),
  };
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
