/** Names of one connection's affairs: never passed on, in either direction (RFC 9110, 7.6.1). */
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

/** What the gateway reads or writes itself, so that a client's never goes upstream. */
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
