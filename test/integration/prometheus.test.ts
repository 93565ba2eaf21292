// What operators see elsewhere: metrics, dashboard and alerts, with a real Prometheus and its promtool.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { dashboard } from '../../deploy/grafana/dashboard.ts';
import { queries } from '../../deploy/grafana/panels.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { type Prometheus, promtool, startPrometheus, withoutPrometheus } from '../support/prometheus.ts';
import { until } from '../support/until.ts';
import { createKey, startWorkerGateway, workerSettings } from '../support/worker-gateway.ts';

const metricsKey = 'a-metrics-key-of-24-characters';
const telemetry = `[telemetry]\nmetrics_key = ${metricsKey}\nmetrics_tenants = 2\n`;
const read = (file: string) => readFileSync(file, 'utf8');
const alertsFile = 'deploy/prometheus/alerts.yaml';
const runbookFile = 'docs/operate.md';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}
const alerts: readonly Alert[] = parse(read(alertsFile)).groups.flatMap((group: any) => group.rules);

const scrape = async (url: string): Promise<string> => {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${metricsKey}` } });
  assert.equal(answer.status, 200);
  return answer.text();
};

/** The names that a scrape tells of, also of metrics without a sample, and those that a histogram has beside its own. */
const namesIn = (text: string): Set<string> => {
  const names = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  return new Set(names);
};

/** Names of a table and of a cookie, which are no metrics. */
const others = new Set(['tokligence_migrations', 'tokligence_session']);

const metricsNamedIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:tokligence|nodejs|process)_[a-z0-9_]*[a-z0-9]\b/g)]
    .map(([name]) => name)
    .filter(name => !others.has(name));

const assertClean = (scraped: string): void => {
  const { code, said } = promtool(['check', 'metrics'], scraped);
  assert.equal(`${code} ${said}`.trim(), '0');
};

test('promtool finds no fault in the metrics of a gateway that is one process', {
  skip: withoutPrometheus,
}, async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: `${telemetry}[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n`,
  });
  assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
  assertClean(await scrape(gateway.url));
  const faulty = promtool(
    ['check', 'metrics'],
    '# TYPE tokligence_seconds_wrong counter\ntokligence_seconds_wrong 1\n',
  );
  assert.notEqual(faulty.code, 0, 'it would find one');
});

/** Two levels, refusals of each kind, failures of the upstream, calls made again, spills, wrong keys, and a load that goes on until the end. */
async function startBusyGateway(t: Parameters<typeof startWorkerGateway>[0]) {
  const { url: database } = await freshDatabase(t);
  const port = await freePort();
  const upstream = await startFakeUpstream(t, ({ body }) =>
    body.includes('"fails"') ? { status: 500 } : { afterMs: 50 },
  );
  const gateway = await startWorkerGateway(t, {
    ini: workerSettings({
      database,
      rest: `[auth]
admin_key = ${adminKey}
${telemetry}metrics_listen = 127.0.0.1:${port}
[provider.gpu]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = 3
[provider.spare]
type = openai
base_url = ${upstream.url}/v1
[provider.away]
type = openai
base_url = http://127.0.0.1:${await freePort()}/v1
[model.moved]
targets = away:m, spare:m
[model.spills]
targets = gpu:m, spare:m
spill_after_sec = 0.05
spill_levels = 0-9
[pool.gpu]
max_queue_depth = 5
queue_timeout_sec = 0.2`,
    }),
  });
  const admin = await gateway.client(1);
  const keys = await Promise.all([createKey(admin), createKey(admin), createKey(admin)]);
  return { gateway, scraped: `http://127.0.0.1:${port}`, keys: keys.map(({ key }) => key) };
}

type Busy = Awaited<ReturnType<typeof startBusyGateway>>;

const models: Readonly<Record<number, string>> = { 1: 'fails', 9: 'moved', 10: 'spills' };

/** Clients that ask again once they are answered, until the returned function is called: two of P0, nine of P8. */
function startLoad({ gateway, keys }: Busy): () => Promise<void> {
  let isOver = false;
  const client = async (place: number) => {
    const connection = await gateway.client((place % 2) + 1);
    const asked = { key: keys[place % keys.length] ?? '', headers: { 'x-priority': place < 2 ? '0' : '8' } };
    const body = { model: models[place] ?? 'm', messages: [] };
    while (!isOver) {
      await connection.ask('POST', '/v1/chat/completions', { ...asked, body });
      if (place === 0) await connection.ask('POST', '/v1/chat/completions', { key: 'tok_wrong', body });
    }
  };
  const clients = Array.from({ length: 11 }, (_, place) => client(place));
  return async () => {
    isOver = true;
    await Promise.all(clients);
  };
}

/** As Grafana fills its variables in. */
const filledIn = (expression: string): string =>
  expression
    .replaceAll('$__rate_interval', '5s')
    .replaceAll('$job', 'tokligence')
    .replaceAll('$instance', '.*')
    .replaceAll('$quantile', '0.95');

test('each query of the dashboard gives data of a gateway under load, whose metrics have no fault', {
  skip: withoutPrometheus,
}, async t => {
  const busy = await startBusyGateway(t);
  const prometheus = await startPrometheus(t, { job: 'tokligence', targets: [busy.scraped], key: metricsKey });
  const stopLoad = startLoad(busy);
  try {
    for (const { expr } of queries) await untilData(prometheus, filledIn(expr));
  } finally {
    // Before the gateway ends.
    await stopLoad();
  }
  const known = namesIn(await assertedClean(busy.scraped));
  await t.test('every alert can be evaluated', async () => {
    for (const { expr } of alerts) await prometheus.query(expr);
  });
  await t.test('all metrics that dashboard, alerts and documents name exist', () => {
    const named = [...globSync('docs/**/*.md'), 'README.md', alertsFile, 'deploy/grafana/tokligence.json'];
    const missing = named.flatMap(file =>
      metricsNamedIn(read(file))
        .filter(name => !known.has(name))
        .map(name => `${file}: ${name}`),
    );
    assert.deepEqual(missing, []);
  });
  await t.test('all metrics of the gateway are in the table of the documents', () => {
    const table = read('docs/api/health-metrics.md');
    const own = [...known].filter(name => name.startsWith('tokligence_') && !/_(bucket|sum|count)$/.test(name));
    assert.deepEqual(
      own.filter(name => !table.includes(`| \`${name}\` |`)),
      [],
    );
  });
});

async function assertedClean(url: string): Promise<string> {
  const scraped = await scrape(url);
  assertClean(scraped);
  return scraped;
}

async function untilData(prometheus: Prometheus, expression: string): Promise<void> {
  let found = 0;
  await until(async () => {
    found = (await prometheus.query(expression)).filter(({ value }) => !Number.isNaN(value)).length;
    return found > 0;
  }).catch(() => assert.fail(`no data for ${expression}`));
}

test('the alerts fire when they should, not before, and not without cause', { skip: withoutPrometheus }, () => {
  const { code, said } = promtool(['test', 'rules', 'deploy/prometheus/alerts.test.yaml']);
  assert.equal(code, 0, said);
});

test('the example of a configuration is one', { skip: withoutPrometheus }, () => {
  const { code, said } = promtool(['check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yaml']);
  assert.equal(code, 0, said);
});

test('each alert has a test, and a line of the runbook that its URL leads to; no line is of another alert', () => {
  const tested = new Set(
    parse(read('deploy/prometheus/alerts.test.yaml')).tests.flatMap((one: any) =>
      one.alert_rule_test.filter((rule: any) => rule.exp_alerts.length > 0).map((rule: any) => rule.alertname),
    ),
  );
  const names = alerts.map(({ alert }) => alert);
  assert.ok(names.length > 20);
  assert.deepEqual([...tested].toSorted(), names.toSorted());
  const lines = [...read(runbookFile).matchAll(/^\| <a id="([a-z0-9]+)"><\/a>`(\w+)` \| .{20,}/gm)];
  assert.deepEqual(
    lines.map(([, , name = '']) => name),
    names,
    'in the same order',
  );
  for (const [, id, name] of lines) assert.equal(id, String(name).toLowerCase());
  for (const { alert, annotations } of alerts) {
    const { pathname, hash } = new URL(annotations.runbook_url);
    assert.ok(pathname.endsWith(`/${runbookFile}`), annotations.runbook_url);
    assert.equal(hash, `#${alert.toLowerCase()}`);
    assert.ok(annotations.summary.length > 20);
  }
});

test('the dashboard is the one that its program writes', () => {
  assert.equal(read('deploy/grafana/tokligence.json'), dashboard(), 'npx node deploy/grafana/dashboard.ts writes it');
});
