import type { TestGateway } from './gateway.ts';
import { until } from './until.ts';

/** Resolves to the log lines about ended requests, as soon as there are `count`. */
export async function requestsOf({ log }: Pick<TestGateway, 'log'>, count: number): Promise<any[]> {
  const ended = () => log.filter(line => line.includes('"outcome"')).map(line => JSON.parse(line));
  await until(() => ended().length >= count);
  return ended();
}
