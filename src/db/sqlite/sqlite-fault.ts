/** A fault of the SQLite file, not of the statement. The message is a sentence for the client. */
export class SqliteFault extends Error {
  override readonly name = 'SqliteFault';
  /** Another process holds the lock, and may release it at any moment. */
  readonly isLocked: boolean;

  constructor(message: string, options: { readonly isLocked: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isLocked = options.isLocked;
  }
}

export const lockedSentence = 'The database file is locked by another process.';
const damagedSentence = 'The database file is damaged.';

/** Sentences by SQLite's primary result code. */
const sentences: Readonly<Record<number, string>> = {
  5: lockedSentence, // BUSY
  6: lockedSentence, // LOCKED
  8: 'The database file is read-only.',
  10: 'The database file cannot be read or written.', // IOERR
  11: damagedSentence, // CORRUPT
  13: 'The disk with the database file is full.',
  14: 'The database file cannot be opened.',
  15: lockedSentence, // PROTOCOL: too many connections wanted to begin at once
  26: damagedSentence, // NOTADB
};

/** Returns any other error unchanged. */
export const asSqliteFault = (error: unknown): unknown => {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  // The higher bits hold the extended code.
  const sentence = sentences[Number(error.errcode) & 0xff];
  return sentence === undefined
    ? error
    : new SqliteFault(sentence, { isLocked: sentence === lockedSentence, cause: error });
};

export const isLocked = (error: unknown): boolean => error instanceof SqliteFault && error.isLocked;
