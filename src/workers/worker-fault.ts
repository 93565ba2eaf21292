/** A worker cannot start, and neither would the next one. */
export class WorkerFault extends Error {
  override readonly name = 'WorkerFault';
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
