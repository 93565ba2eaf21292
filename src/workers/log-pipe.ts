import type { Readable } from 'node:stream';

/** Nothing that a worker writes is that long, but it may break while it writes. */
const longestBytes = 1024 * 1024;
const lineBreak = 0x0a;

/** Calls back for each line of a worker's output, and at its end for a last one without a line break. */
export function eachLine(output: Readable, take: (line: string) => void): void {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const takeRest = () => {
    if (restBytes > 0) take(Buffer.concat(rest).toString());
    rest = [];
    restBytes = 0;
  };
  output.on('data', (piece: Buffer) => {
    const end = piece.lastIndexOf(lineBreak);
    if (end >= 0) {
      const whole = Buffer.concat([...rest, piece.subarray(0, end)]).toString();
      for (const line of whole.split('\n')) take(line);
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
