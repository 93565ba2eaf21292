import { connect, type Socket } from 'node:net';
import { adminKey } from './admin-key.ts';

const chat = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] });

const chatText = (more: Record<string, string>, body: string) =>
  [
    'POST /v1/chat/completions HTTP/1.1',
    'host: gateway',
    `authorization: Bearer ${adminKey}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(more).map(([name, value]) => `${name}: ${value}`),
    '',
    body,
  ].join('\r\n');

/** Opens a connection that sends this many requests at once and reads only on request. */
export async function sendRaw(
  url: string,
  count = 1,
  headers: Record<string, string> = {},
  body = chat,
): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await new Promise<void>(resolve => socket.once('connect', () => resolve()));
  socket.write(chatText(headers, body).repeat(count));
  return socket;
}
