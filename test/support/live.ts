import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import type { TestContext } from 'node:test';
import { adminKey } from './admin-key.ts';

const asAdmin: Record<string, string> = { authorization: `Bearer ${adminKey}` };

/** One event of a stream. */
export interface StreamEvent {
  readonly event: string;
  readonly data: any;
}

export interface LiveReader {
  readonly answer: IncomingMessage;
  /** All events so far. */
  readonly events: readonly StreamEvent[];
  /** Comment lines, and the stream's reconnection time. */
  readonly lines: readonly string[];
  /** Resolves to the next event of this name from now on, or the first for which `isSo` holds. */
  next(event: string, isSo?: (data: any) => boolean): Promise<any>;
  /** Resolves when the gateway has ended the stream. */
  readonly ended: Promise<void>;
  leave(): void;
}

/** Reads the stream of the lanes as a browser does, on a connection of its own. */
export async function readLanes(t: TestContext, url: string, headers = asAdmin): Promise<LiveReader> {
  const answer = await openStream(t, url, headers);
  assert.equal(answer.statusCode, 200);
  const events: StreamEvent[] = [];
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let rest = '';
  answer.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const fields = part.split('\n');
      const event = fields.find(line => line.startsWith('event: '))?.slice(7);
      const data = fields.find(line => line.startsWith('data: '))?.slice(6);
      if (event !== undefined && data !== undefined) events.push({ event, data: JSON.parse(data) });
      else lines.push(...fields);
    }
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<void>(resolve => answer.on('close', resolve));
  return {
    answer,
    events,
    lines,
    next(event, isSo = () => true) {
      let seen = events.length;
      return new Promise((resolve, reject) => {
        const watcher = () => {
          for (; seen < events.length; seen++) {
            const one = events[seen];
            if (one?.event !== event || !isSo(one.data)) continue;
            watchers.delete(watcher);
            resolve(one.data);
          }
        };
        watchers.add(watcher);
        void ended.then(() => reject(new Error(`the stream ended before ${event}`)));
      });
    },
    ended,
    leave: () => answer.destroy(),
  };
}

/** Resolves to the answer to the request for a stream, unread. */
export function openStream(t: TestContext, url: string, headers = asAdmin): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/admin/scheduler/stream`, {
      agent: false,
      headers,
    });
    t.after(() => sent.destroy());
    sent.on('response', answer => resolve(answer.on('error', () => {})));
    sent.on('error', reject);
    sent.end();
  });
}
