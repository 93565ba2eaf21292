/** Headers that concern one connection only: never passed on, in either direction (RFC 9110, 7.6.1). */
export const hopByHopHeaders: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Headers that the gateway reads or writes itself; a client's value never goes upstream. */
export const gatewayHeaders: readonly string[] = [
  'authorization',
  'x-api-key',
  'host',
  'content-length',
  'accept-encoding',
  'expect',
  'x-request-id',
  'request-id',
  'x-priority',
];
export const gatewayHeaderPrefix = 'x-tokligence-';
