import { randomBytes, randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/domain/clock.ts';
import { Call } from '../../src/fleet/link/call.ts';
import type { Link } from '../../src/fleet/link/link.ts';
import { type Listener, type ListenerBounds, listen } from '../../src/fleet/link/listener.ts';
import type { Own } from '../../src/fleet/link/own.ts';
import { type Downward, readDownward, readUpward, type Upward } from '../../src/fleet/messages/messages.ts';
import type { Listed } from '../../src/fleet/reign/list.ts';
import { until } from './until.ts';

export const bounds: ListenerBounds = {
  mostFrameBytes: 2 ** 20,
  mostUnwrittenBytes: 4 * 2 ** 20,
  mostUnproved: 64,
  mostLinks: 256,
};

export const secret = randomBytes(32);

export const ownOf = (over: Partial<Own> = {}): Own => ({
  fleet: 'main',
  id: randomUUID(),
  speaks: { oldest: 1, newest: 1 },
  place: 'here',
  certificate: null,
  clock: systemClock,
  random: randomBytes,
  secret: () => secret,
  epoch: () => 0,
  ...over,
});

export const listedAs = ({ id }: Own, url: string): Listed => ({
  id,
  name: 'gateway',
  url,
  version: '1.0.0',
  since: '2026-01-01T00:00:00.000Z',
});

/** A conductor's end of connections; what is heard is kept. */
export interface Conductor {
  readonly own: Own;
  readonly listener: Listener;
  readonly listed: Listed;
  readonly links: Link<Upward, Downward>[];
  readonly heard: { readonly from: string; readonly message: Upward }[];
  readonly ended: { readonly from: string; readonly why: string }[];
  readonly warnings: string[];
}

export interface ConductorIs {
  readonly own?: Partial<Own>;
  readonly bounds?: Partial<ListenerBounds>;
  readonly port?: number;
  readonly advertise?: { readonly host: string; readonly port: number | null };
  readonly onSaid?: (link: Link<Upward, Downward>, message: Upward) => void;
}

export async function startConductor(t: TestContext, is: ConductorIs = {}): Promise<Conductor> {
  const own = ownOf(is.own);
  const links: Conductor['links'] = [];
  const heard: Conductor['heard'] = [];
  const ended: Conductor['ended'] = [];
  const warnings: string[] = [];
  const listener = await listen<Upward, Downward>({
    own,
    host: '127.0.0.1',
    port: is.port ?? 0,
    advertise: is.advertise ?? null,
    read: readUpward,
    bounds: { ...bounds, ...is.bounds },
    warn: sentence => warnings.push(sentence),
    attend: link => {
      links.push(link);
      const from = link.peer.id;
      return {
        said: message => {
          heard.push({ from, message });
          is.onSaid?.(link, message);
        },
        ended: why => ended.push({ from, why }),
      };
    },
  });
  t.after(() => listener.close());
  return { own, listener, listed: listedAs(own, listener.url), links, heard, ended, warnings };
}

/** A member's end. */
export interface Member {
  readonly own: Own;
  readonly call: Call<Downward, Upward>;
  readonly heard: Downward[];
  readonly ended: { readonly how: string; readonly why: string }[];
  readonly isOpen: boolean;
  /** Resolves once both sides have proved themselves, or it has ended. */
  settled(): Promise<void>;
}

export function startMember(
  t: TestContext,
  to: Listed,
  is: { readonly own?: Partial<Own>; readonly generation?: number; readonly bounds?: Partial<ListenerBounds> } = {},
): Member {
  const own = ownOf(is.own);
  const heard: Downward[] = [];
  const ended: { how: string; why: string }[] = [];
  let isOpen = false;
  const call = new Call<Downward, Upward>({
    own,
    to,
    generation: is.generation ?? 1,
    read: readDownward,
    bounds: { ...bounds, ...is.bounds },
    events: {
      opened: () => {
        isOpen = true;
      },
      said: message => heard.push(message),
      ended: (how, why) => ended.push({ how, why }),
    },
  });
  t.after(() => call.close());
  return {
    own,
    call,
    heard,
    ended,
    get isOpen() {
      return isOpen;
    },
    settled: () => until(() => isOpen || ended.length > 0),
  };
}
