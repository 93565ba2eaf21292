/** The actions that the rules of a fleet order, and the messages between members and conductor. */
import type { Listed, MemberId } from './list.ts';
import type { Election, Release, Renewal } from './row.ts';

/** Seats of one pool. */
export interface Seats {
  readonly pool: string;
  readonly seats: number;
}

/** `beat` is a moment of the sender's own clock, opaque to the other, who gives it back in `answers`. */
export interface Hello {
  readonly epoch: number;
  readonly beat: number;
  readonly member: Listed;
  readonly isLeaving: boolean;
  /** Seats that its calls hold, and those that were freed while nobody conducted; cut or kept by an isolated one: none. */
  readonly brings: readonly Seats[];
}
export interface MemberBeat {
  readonly t: 'beat';
  readonly beat: number;
  readonly answers: number | null;
  readonly isLeaving: boolean;
}
interface Goodbye {
  readonly t: 'goodbye';
}
interface Welcome {
  readonly t: 'welcome';
  readonly epoch: number;
  readonly beat: number;
  /** Null: heard, but its reign is over until it is renewed. */
  readonly answers: number | null;
  readonly members: readonly Listed[];
}
interface ConductorBeat {
  readonly t: 'beat';
  readonly beat: number;
  readonly answers: number;
}
interface List {
  readonly t: 'list';
  readonly members: readonly Listed[];
}
/** The one who says so does not conduct; null: nor does it know who does. */
export interface Elsewhere {
  readonly t: 'elsewhere';
  readonly epoch: number;
  readonly conductor: Listed | null;
}
export type FromMember = MemberBeat | Goodbye;
export type FromConductor = Welcome | ConductorBeat | List | Elsewhere;

export type Action =
  /** Read the row; one read at a time is enough. */
  | { readonly do: 'read' }
  | { readonly do: 'elect'; readonly ask: number; readonly election: Election }
  | { readonly do: 'renew'; readonly ask: number; readonly renewal: Renewal }
  | { readonly do: 'release'; readonly released: Release }
  /** Open a connection to its own address and close it: does the process live? */
  | { readonly do: 'knock'; readonly at: Listed }
  | { readonly do: 'connect'; readonly to: Listed; readonly generation: number }
  /** The connection to the conductor. */
  | { readonly do: 'hangUp'; readonly generation: number }
  /** Say hello on it; who carries this out adds what waits and what runs. */
  | { readonly do: 'greet'; readonly generation: number; readonly hello: Omit<Hello, 'brings'> }
  | { readonly do: 'tellConductor'; readonly generation: number; readonly message: FromMember }
  | { readonly do: 'tellMember'; readonly to: MemberId; readonly generation: number; readonly message: FromConductor }
  /** A member's connection: closed by the conductor once what it was told is written. */
  | { readonly do: 'dismiss'; readonly member: MemberId; readonly generation: number }
  /** Conduct from here on: answered by `bring`, before anything is granted. */
  | { readonly do: 'conduct'; readonly epoch: number }
  | { readonly do: 'abdicate'; readonly why: string }
  /** Its seats and places are free. */
  | { readonly do: 'free'; readonly member: MemberId; readonly why: string }
  /** Nothing starts; what runs is kept or cut, and brings no seats any more. */
  | { readonly do: 'isolate' }
  /** All is over: the process may end. */
  | { readonly do: 'depart' };
