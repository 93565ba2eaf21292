/** A real Prometheus that scrapes a gateway, and its promtool. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { closedFolder } from './accounts.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const programOf = (name: string): string | null =>
  [name, `/usr/local/bin/${name}`].find(place => spawnSync(place, ['--version']).status === 0) ?? null;
const prometheus = programOf('prometheus');
const promtoolPlace = programOf('promtool');
/** For `test`: the reason why it cannot run here. */
export const withoutPrometheus =
  (prometheus === null || promtoolPlace === null) && 'no prometheus and promtool on this machine';

/** Runs promtool in this checkout; `input` is its standard input. */
export function promtool(args: readonly string[], input = ''): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(promtoolPlace ?? '', args, { input, encoding: 'utf8' });
  return { code: status, said: `${stdout}${stderr}` };
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** What an expression gives now. Throws where it is none. */
  query(expression: string): Promise<Sample[]>;
}

interface Scraped {
  readonly job: string;
  readonly targets: readonly string[];
  readonly key: string;
}

const configuration = ({ job, targets, key }: Scraped) => `
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: ${job}
    authorization: { credentials: ${key} }
    static_configs: [{ targets: [${targets.map(url => new URL(url).host).join(', ')}] }]
`;

/** Scrapes each second; ends with the test. */
export async function startPrometheus(t: TestContext, scraped: Scraped): Promise<Prometheus> {
  const folder = await closedFolder('prometheus-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'prometheus.yml');
  await writeFile(file, configuration(scraped));
  const port = await freePort();
  const args = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const child = spawn(prometheus ?? '', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', text => (said += text));
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended: ${said}`);
    return await ask('/-/ready').then(
      async answer => (await answer.text()) !== '' && answer.ok,
      () => false,
    );
  });
  return {
    async query(expression) {
      const answer: any = await (await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`)).json();
      if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
      return answer.data.result.map(({ metric, value }: any) => ({ metric, value: Number(value[1]) }));
    },
  };
}
