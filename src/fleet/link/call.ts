/** The member's side: its connection to whoever conducts, and the knock at an address that asks whether a process lives. */

import type { Read } from '../messages/messages.ts';
import type { Listed } from '../reign/list.ts';
import type { Knock } from '../reign/rules.ts';
import { addressIn, isProving } from './address.ts';
import { frameOf } from './frames.ts';
import { commonVersion, proofOf, type Speaks } from './handshake.ts';
import { Link, type LinkBounds } from './link.ts';
import type { Own } from './own.ts';
import { type Reached, reach, Unreached } from './reach.ts';

export interface CallOptions<In> {
  readonly own: Own;
  readonly to: Listed;
  readonly generation: number;
  readonly read: Read<In>;
  readonly bounds: LinkBounds;
  readonly events: CallEvents<In>;
}

interface CallEvents<In> {
  /** Both sides have proved who they are; what is sent from now on is heard. */
  opened(): void;
  said(message: In): void;
  /** It could not be opened, or it closed. Once; not after `close`. */
  ended(how: Knock, why: string): void;
}

export class Call<In, Out extends object> {
  readonly #options: CallOptions<In>;
  readonly #leave = new AbortController();
  #link: Link<In, Out> | null = null;

  constructor(options: CallOptions<In>) {
    this.#options = options;
    void this.#run();
  }

  /** Nothing is sent before it is opened. */
  send(message: Out): void {
    this.#link?.send(message);
  }

  close(): void {
    this.#leave.abort();
    this.#link?.close();
  }

  async #run(): Promise<void> {
    const { own, to, generation, events } = this.#options;
    try {
      const reached = await reach(own, to.url, generation, this.#leave.signal);
      if (this.#leave.signal.aborted) return void reached.socket.destroy();
      this.#reached(reached);
    } catch (error) {
      if (!(error instanceof Unreached)) throw error;
      if (!this.#leave.signal.aborted) events.ended(error.how, error.message);
    }
  }

  #reached({ socket, frames, keys, challenge }: Reached): void {
    const { own, to, generation, read, bounds, events } = this.#options;
    const { member, speaks, epoch } = challenge.text;
    const version = commonVersion(own.speaks, speaks);
    if (member !== to.id || version === null) {
      socket.destroy();
      if (member !== to.id) events.ended(anotherAt(own, to.url), 'another process listens there by now');
      else events.ended('lost', unfit(own.speaks, speaks));
      return;
    }
    socket.write(frameOf(proofOf(keys, challenge.mac)));
    const peer = { id: member, generation, epoch, version };
    const link = new Link<In, Out>({ socket, frames, peer, read, clock: own.clock, bounds });
    this.#link = link;
    events.opened();
    link.begin({ said: message => events.said(message), ended: why => events.ended('lost', why) });
  }
}

/** Whether the process at that address lives: `refused` and `another` prove that it is gone. */
export async function knock(own: Own, at: Listed, leave: AbortSignal): Promise<Knock> {
  try {
    const { socket, challenge } = await reach(own, at.url, 0, leave);
    socket.destroy();
    return challenge.text.member === at.id ? 'lost' : anotherAt(own, at.url);
  } catch (error) {
    if (!(error instanceof Unreached)) throw error;
    return error.how;
  }
}

function anotherAt(own: Own, url: string): Knock {
  const address = addressIn(url);
  return address !== null && isProving(address, own.place) ? 'another' : 'lost';
}

const unfit = (own: Speaks, other: Speaks): string =>
  `it speaks the protocol ${rangeOf(other)}, and this gateway needs ${rangeOf(own)}: upgrade ` +
  `${other.newest < own.oldest ? 'the other' : 'this one'} first, one version at a time`;

const rangeOf = ({ oldest, newest }: Speaks): string =>
  oldest === newest ? `in version ${oldest}` : `in versions ${oldest} to ${newest}`;
