/** The faults of random walks, and how they are mixed. */
export type Fault =
  | 'kill'
  | 'spawn'
  | 'leave'
  | 'cut'
  | 'cutOneWay'
  | 'heal'
  | 'reset'
  | 'stop'
  | 'stopLong'
  | 'resume'
  | 'databaseAway'
  | 'databaseAwayForOne'
  | 'databaseBack'
  | 'split'
  | 'mend'
  | 'backup'
  | 'restore'
  | 'databaseRestarts'
  | 'databaseClockJumps'
  | 'giveUp'
  | 'late';

/** How often each fault comes, among the faults. */
export const mixes: Readonly<Record<string, Partial<Record<Fault, number>>>> = {
  calm: {},
  kills: { kill: 4, spawn: 6 },
  leaves: { leave: 4, spawn: 4, kill: 1 },
  links: { cut: 8, heal: 10, reset: 10 },
  oneWay: { cutOneWay: 8, heal: 10, reset: 6 },
  stops: { stop: 6, resume: 8, stopLong: 1 },
  databaseAway: { databaseAway: 3, databaseBack: 5, kill: 1, spawn: 1, leave: 1, reset: 1 },
  databaseAwayForSome: { databaseAwayForOne: 6, databaseBack: 5, cut: 6, heal: 6, kill: 1, spawn: 1 },
  split: { split: 3, mend: 4, spawn: 1 },
  restore: { backup: 3, restore: 3, kill: 3, spawn: 3, databaseAway: 1, databaseBack: 2, databaseRestarts: 1 },
  databaseClock: { databaseClockJumps: 4, kill: 1, spawn: 1, cut: 4, heal: 5 },
  twoInARow: { kill: 6, spawn: 6, databaseAwayForOne: 6, cut: 4, databaseBack: 3, heal: 3 },
  handOver: { leave: 5, spawn: 6, databaseAwayForOne: 4, cut: 4, heal: 2, databaseBack: 2 },
  halfOpen: { cutOneWay: 8, databaseAwayForOne: 4, heal: 3, databaseBack: 2, reset: 6 },
  late: { giveUp: 8, late: 6, databaseAwayForOne: 2, databaseBack: 3, stop: 4, cut: 4, heal: 4, kill: 2, spawn: 3 },
  stoppedRestore: { backup: 4, restore: 4, stop: 4, resume: 3, kill: 1 },
  all: {
    kill: 2,
    spawn: 2,
    leave: 1,
    cut: 3,
    cutOneWay: 2,
    heal: 5,
    reset: 4,
    stop: 2,
    resume: 4,
    databaseAway: 1,
    databaseAwayForOne: 2,
    databaseBack: 4,
    split: 1,
    mend: 2,
    databaseClockJumps: 1,
    giveUp: 2,
    late: 2,
  },
};
