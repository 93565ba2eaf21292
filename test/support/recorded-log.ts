import type { Events } from '../../src/telemetry/events.ts';

export interface RecordedLog extends Pick<Events, 'info' | 'warn' | 'error'> {
  readonly lines: readonly string[];
  /** Resolves with the first matching line, past or future. */
  said(pattern: RegExp): Promise<string>;
}

export const recordedLog = (): RecordedLog => {
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const record = (line: string) => {
    lines.push(line);
    for (const hear of [...waiting]) hear(line);
  };
  return {
    lines,
    info: message => record(`info ${message}`),
    warn: message => record(`warn ${message}`),
    error: (message, error) => record(`error ${message} ${String(error)}`),
    said: pattern =>
      new Promise(resolve => {
        const hear = (line: string) => {
          if (!pattern.test(line)) return;
          waiting.delete(hear);
          resolve(line);
        };
        waiting.add(hear);
        for (const line of lines) hear(line);
      }),
  };
};
