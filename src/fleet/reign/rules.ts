/**
 * The rules that "never more than C in flight" rests on, one function each. A fleet runs by `rules`; tests drop one at a
 * time and see what it was good for (docs/decisions/0033-the-rules-of-a-fleet.md has the traces).
 */
import type { Listed } from './list.ts';
import type { Times } from './times.ts';

/** How an attempt to reach a process's own address ended. */
export type Knock = 'refused' | 'another' | 'lost';

export interface Rules {
  // 1: epochs and connections
  /** No two elections draw the same epoch, whatever the database forgets: `chance` is a random number from 1 on. */
  nextEpoch(highest: number, chance: number): number;
  /** Of a member's connections the newest counts; what comes on an older one is dropped. */
  isStale(generation: number, newest: number): boolean;

  // 2: who stands
  /** A member stands only if it has sent its conductor nothing, and had no answer, for so long. */
  isSilent(sinceAnswerMs: number, sinceSentMs: number, times: Times): boolean;
  /** A stranger stands beside nobody: where all on the list are gone, or the row was abandoned. */
  mayStrangerStand(isAlone: boolean, ageMs: number, times: Times): boolean;
  /** A stranger grants nothing at first on a row that may be a copy: a reign that it forgot shows itself by then. */
  mustPause(isStranger: boolean, wasWhole: boolean, reignedMs: number, times: Times): boolean;
  /** What a row has forgotten is not in it because somebody writes to it: only a reign that has lasted mends it. */
  isWholeAfter(wasWhole: boolean, mends: boolean): boolean;
  /** Whether the reign has lasted long enough since the row was found not to be whole. */
  mayMend(sinceFoundMs: number, times: Times): boolean;

  // 3: the list
  /** The row lists a member before its first seat. */
  maySeat(isInRow: boolean): boolean;
  /** The members of the old list that the elected one keeps. */
  keptList(old: readonly Listed[]): readonly Listed[];
  /** Whether the list that was told counts for the row's, which has forgotten that reign. */
  isListNewer(toldEpoch: number, rowEpoch: number): boolean;
  /** Whether the list that was told may have more than the row's: a row may have forgotten members, or the reign. */
  mayKnowMore(toldEpoch: number, rowEpoch: number): boolean;
  /**
   * A process that has seen an epoch, but neither its row nor its list, is a stranger to it: others may hold seats of
   * that reign.
   */
  knowsList(listEpoch: number, highest: number): boolean;
  /** A renewal that comes late undoes no later one. */
  isUntouched(rowStamp: string, known: string): boolean;
  /** Whether a member is surely in the row still once a renewal without it is on its way. */
  staysInRow(isWritten: boolean): boolean;

  // 4: proof of death
  isProof(knock: Knock): boolean;

  // 5: time counts from the sending of what was answered
  contactSince(sentAt: number, now: number): number;
  answerSince(sentAt: number, now: number): number;
  renewedSince(sentAt: number, now: number): number;
  /** `welcome` answers a `hello` like a beat. */
  welcomeAnswers(sentAt: number): number | null;

  // 6: contact
  /** Contact is the conductor's answer, and not the database's. */
  contactMs(sinceAnswerMs: number, sinceReadMs: number): number;
  /** A member asks its clock before every start. */
  mayStart(isIsolated: boolean): boolean;

  // 7: how long a reign lasts without the database
  /** Every member has to answer; one that is silent ends the reign. */
  isAnswered(sinceAnswerMs: number, times: Times): boolean;
  /** A member that the row may list can be elected, so it has to answer too. */
  mustAnswer(isInList: boolean, mayBeInRow: boolean): boolean;
  /** Whoever is proved gone is left out only if it cannot have stood before. */
  isLeftOut(sinceAnswerMs: number, times: Times): boolean;
  /** A reign that was over once lives again by a renewal only. */
  staysOver(): boolean;
  /** A reign ends before strangers may take the row for abandoned. */
  isTooOld(sinceRenewalMs: number, times: Times): boolean;

  // 8: gathering
  gatherMs(times: Times): number;
  /** While some are silent, only what the others brought is granted; null: all there is. */
  budget(isGathering: boolean, brought: number): number | null;
}

export const rules: Rules = {
  nextEpoch: (highest, chance) => highest + chance,
  isStale: (generation, newest) => generation < newest,

  isSilent: (sinceAnswerMs, sinceSentMs, times) => Math.min(sinceAnswerMs, sinceSentMs) > times.lostMs,
  mayStrangerStand: (isAlone, ageMs, times) => isAlone || ageMs > times.abandonedAfterMs,
  mustPause: (isStranger, wasWhole, reignedMs, times) => isStranger && !wasWhole && reignedMs <= times.ttlMs,
  isWholeAfter: (wasWhole, mends) => wasWhole || mends,
  mayMend: (sinceFoundMs, times) => sinceFoundMs > times.ttlMs,

  maySeat: isInRow => isInRow,
  keptList: old => old,
  isListNewer: (toldEpoch, rowEpoch) => toldEpoch > rowEpoch,
  mayKnowMore: (toldEpoch, rowEpoch) => toldEpoch >= rowEpoch,
  knowsList: (listEpoch, highest) => listEpoch >= highest,
  isUntouched: (rowStamp, known) => rowStamp === known,
  staysInRow: isWritten => isWritten,

  isProof: knock => knock !== 'lost',

  contactSince: sentAt => sentAt,
  answerSince: sentAt => sentAt,
  renewedSince: sentAt => sentAt,
  welcomeAnswers: sentAt => sentAt,

  contactMs: sinceAnswerMs => sinceAnswerMs,
  mayStart: isIsolated => !isIsolated,

  isAnswered: (sinceAnswerMs, times) => sinceAnswerMs <= times.reignMs,
  mustAnswer: (isInList, mayBeInRow) => isInList || mayBeInRow,
  isLeftOut: (sinceAnswerMs, times) => sinceAnswerMs <= times.heardMs,
  staysOver: () => true,
  isTooOld: (sinceRenewalMs, times) => times.outageMaxMs !== null && sinceRenewalMs > times.outageMaxMs,

  gatherMs: times => times.ttlMs + times.deadAfterMs,
  budget: (isGathering, brought) => (isGathering ? brought : null),
};
