/** Who conducts, and whom its conductor hears, as far as this process knows: for whoever looks on. */
import type { Listed } from './reign/list.ts';
import type { Attendee } from './reign/process.ts';
import type { Reign } from './reign/reign.ts';
import { since } from './reign/times.ts';

/** Members beat twice a second. */
const quietMs = 2_000;

export type Outlook =
  /** This process. `heard` are the other members; of the `unheard` it knows nothing, or nothing new. */
  | {
      readonly who: 'self';
      readonly heard: readonly Listed[];
      readonly unheard: readonly Listed[];
      /** False: another process may have been elected meanwhile. */
      readonly reigns: boolean;
    }
  | { readonly who: 'other'; readonly conductor: Listed }
  | { readonly who: 'nobody' };

export function outlookOf(reign: Reign, now: number): Outlook {
  const { conducted, contact } = reign.state;
  if (conducted === null) {
    const { link, isWelcomed, to } = contact;
    return link === 'open' && isWelcomed && to !== null ? { who: 'other', conductor: to } : { who: 'nobody' };
  }
  const listed = conducted.attendees.filter(attendee => attendee.isListed);
  const isHeard = ({ isLinked, heardAt }: Attendee) => isLinked && since(heardAt, now) <= quietMs;
  return {
    who: 'self',
    heard: listed.filter(isHeard).map(attendee => attendee.listed),
    unheard: listed.filter(attendee => !isHeard(attendee)).map(attendee => attendee.listed),
    reigns: reign.mayStart(now),
  };
}
