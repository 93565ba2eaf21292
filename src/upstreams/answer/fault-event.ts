/**
 * Reports a fault after the status inside a stream, in an event that the stream's readers recognise as its end:
 *
 *   chunks      data: {"error":{…}}                   chat completions and completions
 *   messages    event: error                          Anthropic
 *   responses   event: response.failed                with the stream's next number and the response's id; openai-node
 *                                                     reads neither another id nor one without a `response.created`
 */
import { errorBody, type GatewayError } from '../../domain/errors.ts';
import type { StreamPlace } from '../metering/answer-reading.ts';
import type { UpstreamCall } from '../provider.ts';
import { completion } from './cut-json.ts';

export interface BrokenStream {
  readonly call: Pick<UpstreamCall, 'dialect' | 'streamShape' | 'model' | 'requestId'>;
  readonly place: StreamPlace;
  /** Now. */
  readonly date: Date;
}

/** An event that was cut in the middle is ended first, so that it can be read, too. */
export function faultEvent(stream: BrokenStream, error: GatewayError): string {
  return `${endOfCut(stream, error)}\n\n${eventsOf(stream, error)}`;
}

/** SDKs throw what it says of an error before they look at the rest of it; Anthropic's where the event's name, the last that it has, says so. */
function endOfCut({ call, place }: BrokenStream, error: GatewayError): string {
  if (place.cutData === null) return '';
  const member = `"error":${JSON.stringify(errorBody(call.dialect, error).error)}`;
  const end = completion(place.cutData, member);
  if (end === null) return '';
  return call.streamShape === 'messages' ? `${end}\nevent: error` : end;
}

function eventsOf({ call, place, date }: BrokenStream, error: GatewayError): string {
  switch (call.streamShape) {
    case 'chunks':
      return data(errorBody(call.dialect, error));
    case 'messages':
      return `event: error\n${data(errorBody(call.dialect, error))}`;
    case 'responses':
      return responseEvents({ call, place, date }, error);
  }
}

function responseEvents({ call, place, date }: BrokenStream, error: GatewayError): string {
  const begun = begunResponse({ id: place.responseId ?? `resp_${call.requestId}`, model: call.model, date });
  const { code, message } = error;
  const failed = { ...begun, status: 'failed', error: { code, message } };
  const numbered = (type: string, sequence: number, response: object) =>
    `event: ${type}\n${data({ type, sequence_number: sequence, response })}`;
  const next = place.nextNumber;
  if (place.responseId !== null) return numbered('response.failed', next, failed);
  return numbered('response.created', next, begun) + numbered('response.failed', next + 1, failed);
}

/** With all members that OpenAI documents as always present. */
const begunResponse = ({ id, model, date }: { id: string; model: string; date: Date }) => ({
  id,
  object: 'response',
  created_at: Math.floor(date.getTime() / 1000),
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  model,
  output: [],
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  usage: null,
});

const data = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;
