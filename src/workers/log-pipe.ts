import type { Readable } from 'node:stream';
import { fromPipe, isRecord } from '../telemetry/log/piped.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Nothing that a worker writes is that long, but it may break while it writes. */
const longestBytes = 1024 * 1024;
const lineBreak = 0x0a;

/**
 * Calls back for each line of a worker's output, and for what has no line break: at its end, as of a worker that was killed
 * while it wrote, or because it is too long.
 */
export function eachLine(output: Readable, take: (line: string, isWhole: boolean) => void): void {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const takeRest = () => {
    if (restBytes > 0) take(Buffer.concat(rest).toString(), false);
    rest = [];
    restBytes = 0;
  };
  output.on('data', (piece: Buffer) => {
    const end = piece.lastIndexOf(lineBreak);
    if (end >= 0) {
      const whole = Buffer.concat([...rest, piece.subarray(0, end)]).toString();
      for (const line of whole.split('\n')) take(line, true);
      rest = [];
      restBytes = 0;
    }
    rest.push(piece.subarray(end + 1));
    restBytes += piece.length - end - 1;
    if (restBytes > longestBytes) takeRest();
  });
  output.on('end', takeRest);
  // The worker has ended with it.
  output.on('error', takeRest);
}

type RelayLogger = Pick<Logger, 'append' | 'requests' | 'log'>;

/** Writes the log's records of a worker, each to where those of its kind go. Half a record, which no reader could parse, is left out. */
export function relayRecords(output: Readable, worker: number, logger: RelayLogger): void {
  eachLine(output, (line, isWhole) => {
    if (!isWhole && isRecord(line)) {
      logger.log('warn', 'Log: a line that the worker did not write to its end is left out', { worker });
      return;
    }
    const { record, kind } = fromPipe(line);
    if (kind === 'request') logger.requests.append(record);
    else logger.append(record, kind === 'important');
  });
}
