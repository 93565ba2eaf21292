/** What SQLite says of its file, and not of the statement. The message is a sentence for whoever asked. */
export class SqliteFault extends Error {
  override readonly name = 'SqliteFault';
  /** Another process has the lock, and may give it back at any moment. */
  readonly isLocked: boolean;

  constructor(message: string, options: { readonly isLocked: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.isLocked = options.isLocked;
  }
}

export const lockedSentence = 'The database file is locked by another process.';
const damagedSentence = 'The database file is damaged.';

/** By SQLite's primary result code. */
const sentences: Readonly<Record<number, string>> = {
  5: lockedSentence, // BUSY
  6: lockedSentence, // LOCKED
  8: 'The database file is read-only.',
  10: 'The database file cannot be read or written.', // IOERR
  11: damagedSentence, // CORRUPT
  13: 'The disk with the database file is full.',
  14: 'The database file cannot be opened.',
  15: lockedSentence, // PROTOCOL: too many at once wanted to begin
  26: damagedSentence, // NOTADB
};

/** Any other error stays what it is. */
export const asSqliteFault = (error: unknown): unknown => {
  if (!(error instanceof Error) || !('errcode' in error)) return error;
  // The higher bits say more exactly what it was.
  const sentence = sentences[Number(error.errcode) & 0xff];
  return sentence === undefined
    ? error
    : new SqliteFault(sentence, { isLocked: sentence === lockedSentence, cause: error });
};

export const isLocked = (error: unknown): boolean => error instanceof SqliteFault && error.isLocked;
