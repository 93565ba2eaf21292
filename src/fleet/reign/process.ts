/** The knowledge of one process of a fleet. Plain data (null is "never"), so that a test can copy and compare it. */
import type { Action, Seats } from './actions.ts';
import { joined, type Listed, type MemberId } from './list.ts';
import type { FleetRow } from './row.ts';
import type { Rules } from './rules.ts';
import { since, type Times } from './times.ts';

/** The one connection to whoever conducts, or may know who does. */
interface Contact {
  to: Listed | null;
  /** Counts this process's connections. */
  generation: number;
  link: 'none' | 'opening' | 'open';
  openedAt: number | null;
  /** Whether `to` conducted when it was asked last. */
  isWelcomed: boolean;
  /** When the conductor was last sent a beat or a hello. */
  sentAt: number | null;
  /** When that was sent which the conductor answered last. */
  answeredAt: number | null;
  /** The conductor's last beat, to be answered with the next of ours. */
  heardBeat: number | null;
}

/** A member, as its conductor sees it. */
export interface Attendee {
  listed: Listed;
  /** On the list. */
  isListed: boolean;
  /** The row lists it for sure. */
  isInRow: boolean;
  /** The row may list it: it does, or a renewal that says so is on its way. */
  mayBeInRow: boolean;
  /** Of the list that the conductor took over, and not heard of since. */
  isSilent: boolean;
  /** It has left, or is gone and had not stood before: a reign without the database does without its answer. */
  isLeftOut: boolean;
  isLeaving: boolean;
  isLinked: boolean;
  generation: number;
  heardAt: number | null;
  /** When that was sent which it answered last. */
  answeredAt: number | null;
}

export interface Conducted {
  epoch: number;
  beganAt: number;
  renewedAt: number;
  stamp: string;
  /** Was not on the row's list when it was elected. */
  isStranger: boolean;
  /** Whether the row was whole then. */
  wasWhole: boolean;
  /** When the row was found not to be whole; null: it is. */
  foundAt: number | null;
  /** Neither renewed in time nor answered by all: nothing is granted before the next renewal. */
  isOver: boolean;
  attendees: Attendee[];
  brought: Seats[];
  askedAt: number | null;
  renewal: { ask: number; sentAt: number; members: readonly Listed[] } | null;
}

export interface State {
  /** The highest that was followed or conducted. */
  epoch: number;
  contact: Contact;
  /** The list of the highest reign known, as its conductor or the row told it. */
  told: { epoch: number; members: readonly Listed[] };
  row: FleetRow | null;
  /** When that was asked for. */
  rowReadAt: number | null;
  /** Since when the row is seen to be released. */
  releasedAt: number | null;
  /** Proved gone; ids are never used twice. */
  gone: MemberId[];
  election: { ask: number; sentAt: number; epoch: number; seen: number } | null;
  asks: number;
  leaving: 'no' | 'draining' | 'idle' | 'left';
  isIsolated: boolean;
  conducted: Conducted | null;
}

/** A process with its surroundings; `actions` collects what one event leads to. */
export interface Process {
  readonly self: Listed;
  readonly times: Times;
  readonly rules: Rules;
  /** A random whole number from 1 on: no two elections from the same row draw the same epoch. */
  readonly chance: () => number;
  readonly state: State;
  actions: Action[];
}

export const newState = (): State => ({
  epoch: 0,
  contact: {
    to: null,
    generation: 0,
    link: 'none',
    openedAt: null,
    isWelcomed: false,
    sentAt: null,
    answeredAt: null,
    heardBeat: null,
  },
  told: { epoch: 0, members: [] },
  row: null,
  rowReadAt: null,
  releasedAt: null,
  gone: [],
  election: null,
  asks: 0,
  leaving: 'no',
  // Nothing starts before a conductor has answered.
  isIsolated: true,
  conducted: null,
});

export const isGone = (p: Process, id: MemberId): boolean => p.state.gone.includes(id);

/** The row's list is remembered: a copy of the database that is restored later may have neither it nor its epoch. */
export function learn(p: Process, row: FleetRow): void {
  const { told } = p.state;
  if (row.epoch > told.epoch) p.state.told = { epoch: row.epoch, members: row.members };
  else if (row.epoch === told.epoch) told.members = joined(told.members, row.members);
}

/** A read that is older than this says nothing of the present: the database is away. */
export const hasRow = (p: Process, now: number): boolean => since(p.state.rowReadAt, now) <= p.times.lostMs;

/** A moment of one's own clock that another process gave back; never later than now. */
export const returned = (beat: number, now: number): number => Math.min(beat, now);

export const later = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.max(a, b);

/** Isolated: no conductor has answered for so long that it may have freed the seats of this process. */
export const isIsolated = (p: Process, now: number): boolean => {
  const { contact, rowReadAt } = p.state;
  return p.rules.contactMs(since(contact.answeredAt, now), since(rowReadAt, now)) > p.times.isolatedAfterMs;
};
