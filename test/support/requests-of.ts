import type { TestGateway } from './gateway.ts';
import { until } from './until.ts';

/** The lines of the log about requests that have ended, as soon as there are so many. */
export async function requestsOf({ log }: Pick<TestGateway, 'log'>, count: number): Promise<any[]> {
  const ended = () => log.filter(line => line.includes('"outcome"')).map(line => JSON.parse(line));
  await until(() => ended().length >= count);
  return ended();
}
