import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { ConfigFaults, describeFault, loadConfig } from '../../../src/config/config-loader.ts';
import { needsRestart } from '../../../src/config/restart.ts';

const team = '[provider.local]\ntype = loopback\n[gateway]\nedition = team\n';

const load = (cluster: string, before = team) =>
  loadConfig({ file: null, text: `${before}[cluster]\n${cluster}`, env: {}, isTerminal: false });
const clusterOf = (cluster: string) => load(cluster).config.cluster;

const faultsOf = (cluster: string, before = team): string[] => {
  try {
    load(cluster, before);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults, String(error));
    return error.faults.map(describeFault);
  }
  return [];
};

test('every key of a cluster is read, in milliseconds and whole paths', () => {
  const text = `
    enabled = true
    fleet = eu-1
    listen = 0.0.0.0:8082
    advertise = 10.0.0.5
    isolated = cut
    ttl_sec = 3.5
    dead_after_sec = 10
    abandoned_after_sec = 30
    outage_max_sec = 20
    cert_file = tls/own.pem
    key_file = tls/own.key
    ca_file = /etc/tls/ca.pem`;
  assert.deepEqual(clusterOf(text), {
    enabled: true,
    fleet: 'eu-1',
    listen: { host: '0.0.0.0', port: 8082 },
    advertise: { host: '10.0.0.5', port: null },
    isolated: 'cut',
    ttlMs: 3_500,
    deadAfterMs: 10_000,
    abandonedAfterMs: 30_000,
    outageMaxMs: 20_000,
    certificate: { certFile: resolve('tls/own.pem'), keyFile: resolve('tls/own.key'), caFile: '/etc/tls/ca.pem' },
  });
});

test('an address is a name, an IPv4 or an IPv6 address in brackets, with its port', () => {
  const listens: [string, unknown][] = [
    ['gateway-1.internal:8082', { host: 'gateway-1.internal', port: 8082 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['', null],
  ];
  for (const [text, listen] of listens) assert.deepEqual(clusterOf(`listen = ${text}`).listen, listen, text);
  const advertised: [string, unknown][] = [
    ['10.0.0.5', { host: '10.0.0.5', port: null }],
    ['10.0.0.5:1', { host: '10.0.0.5', port: 1 }],
    ['fd00::5', { host: 'fd00::5', port: null }],
    ['[fd00::5]', { host: 'fd00::5', port: null }],
    ['[fd00::5]:8082', { host: 'fd00::5', port: 8082 }],
    ['', null],
  ];
  for (const [text, at] of advertised) assert.deepEqual(clusterOf(`advertise = ${text}`).advertise, at, text);
});

test('an address that nobody could listen on or call is refused, with what is allowed', () => {
  for (const listen of ['8082', ':8082', '10.0.0.5', '10.0.0.5:', '10.0.0.5:65536', '::1:8082', 'tcp://a:1', '[a:1'])
    assert.deepEqual(
      faultsOf(`listen = ${listen}`),
      ['[cluster] listen: must be HOST:PORT, as 10.0.0.5:8082 or [fd00::5]:8082; port 0 takes a free one, or empty'],
      listen,
    );
  for (const advertise of ['10.0.0.5:0', '10.0.0.5:65536', ':8082', 'http://a', 'fe80::1%eth0', 'a b'])
    assert.deepEqual(
      faultsOf(`advertise = ${advertise}`),
      ['[cluster] advertise: must be HOST or HOST:PORT, as 10.0.0.5, 10.0.0.5:8082 or [fd00::5]:8082, or empty'],
      advertise,
    );
});

test('every other value that makes no sense is refused by its key, with what is allowed', () => {
  const faulty: [string, RegExp][] = [
    ['enabled = yes', /enabled: must be true or false, or empty$/],
    ['fleet =', /fleet: must be a letter, then letters, digits, - or _$/],
    [`fleet = ${'a'.repeat(65)}`, /fleet: must be a letter/],
    ['fleet = 1', /fleet: must be a letter/],
    ['isolated = stop', /isolated: must be keep or cut$/],
    ['ttl_sec = 2.999', /ttl_sec: must be a number of seconds from 3 to 300$/],
    ['dead_after_sec = 3601', /dead_after_sec: must be a number of seconds from 4 to 3600$/],
    ['abandoned_after_sec = 4', /abandoned_after_sec: must be a number of seconds from 5 to 86400$/],
    ['outage_max_sec =', /outage_max_sec: must be a number of seconds from 0 to 86400$/],
    ['worker = 2', /worker: unknown key: there are enabled, fleet, listen/],
  ];
  for (const [text, sentence] of faulty) {
    const faults = faultsOf(text);
    assert.equal(faults.length, 1, text);
    assert.match(faults[0] ?? '', sentence, text);
  }
});

test('times that contradict each other are refused, and those at the border are not', () => {
  const order = [
    ['ttl_sec = 15', 'dead_after_sec', 'must be greater than ttl_sec'],
    ['abandoned_after_sec = 19.999', 'abandoned_after_sec', 'must be at least ttl_sec and dead_after_sec together'],
    ['outage_max_sec = 4.999', 'outage_max_sec', 'must be at least ttl_sec, or 0 for no limit'],
    ['outage_max_sec = 60', 'outage_max_sec', 'must be less than abandoned_after_sec, or 0 for no limit'],
  ] as const;
  for (const [text, key, sentence] of order) assert.deepEqual(faultsOf(text), [`[cluster] ${key}: ${sentence}`], text);
  for (const text of ['ttl_sec = 14.999', 'abandoned_after_sec = 20', 'outage_max_sec = 5', 'outage_max_sec = 59.999'])
    assert.deepEqual(faultsOf(text), [], text);
});

test('a certificate comes with its key and the authority', () => {
  assert.deepEqual(faultsOf('cert_file = a.pem'), [
    '[cluster] key_file: is missing: cert_file, key_file and ca_file are given together',
    '[cluster] ca_file: is missing: cert_file, key_file and ca_file are given together',
  ]);
  assert.deepEqual(faultsOf('ca_file = a.pem\nkey_file = b.pem'), [
    '[cluster] cert_file: is missing: cert_file, key_file and ca_file are given together',
  ]);
});

test('who listens on every address need not say which one others call, and cannot say every one', () => {
  const everywhere = `${team}host = 0.0.0.0\n`;
  assert.deepEqual(faultsOf('enabled = true', everywhere), []);
  assert.deepEqual(faultsOf('', everywhere), []);
  assert.deepEqual(faultsOf('listen = [::]:8082'), []);
  assert.deepEqual(faultsOf('enabled = true\nadvertise = ::', everywhere), [
    '[cluster] advertise: must be an address that other gateways can call',
  ]);
  assert.deepEqual(faultsOf('enabled = false\nadvertise = ::', everywhere), []);
});

test('a Team gateway is in a fleet unless it says no, a Personal one never', () => {
  const personal = team.replace('team', 'personal');
  for (const [cluster, before, enabled] of [
    ['', team, true],
    ['enabled =', team, true],
    ['enabled = true', team, true],
    ['enabled = false', team, false],
    ['', personal, false],
    ['enabled = false', personal, false],
  ] as const)
    assert.equal(load(cluster, before).config.cluster.enabled, enabled, cluster);
});

test('gateways do not meet on the port of the clients', () => {
  const fault = '[cluster] listen: must have another port than [gateway] port, which is for clients';
  assert.deepEqual(faultsOf('enabled = true\nlisten = 127.0.0.1:8081'), [fault]);
  assert.deepEqual(faultsOf('enabled = true\nadvertise = 10.0.0.5\nlisten = 0.0.0.0:8081'), [fault]);
  assert.deepEqual(faultsOf('enabled = true\nlisten = 10.0.0.5:8081'), []);
  assert.deepEqual(faultsOf('enabled = true\nlisten = 127.0.0.1:8082'), []);
  assert.deepEqual(faultsOf('enabled = true\nlisten = 127.0.0.1:0', `${team}port = 0\n`), []);
});

test('the Personal edition is one gateway, and says so', () => {
  const personal = '[provider.local]\ntype = loopback\n';
  assert.deepEqual(faultsOf('enabled = true', personal), [
    '[cluster] enabled: needs [gateway] edition = team: Personal is one gateway',
  ]);
  assert.deepEqual(faultsOf('enabled = false', personal), []);
});

test('a change of any key of a cluster needs a restart', () => {
  const changed = needsRestart(load('').given, load('enabled = true\nfleet = b\noutage_max_sec = 5').given);
  assert.deepEqual(changed, ['[cluster] enabled', '[cluster] fleet', '[cluster] outage_max_sec']);
});

const workers = (count: string) => `${team}workers = ${count}\nport = 8081\n`;

test('several workers are a fleet without a word', () => {
  assert.equal(load('', workers('2')).config.cluster.enabled, true);
  assert.equal(load('', workers('2')).config.gateway.tellsName, true);
  assert.equal(load('', workers('auto')).config.gateway.workers, availableParallelism());
});

test('workers and a fleet that is switched off exclude each other, by both names', () => {
  const [fault, ...more] = faultsOf('enabled = false', workers('2'));
  assert.match(fault ?? '', /^\[cluster\] enabled: cannot be false with \[gateway\] workers = 2/);
  assert.deepEqual(more, []);
  assert.deepEqual(faultsOf('enabled = false', workers('1')), []);
});

test('each worker has a port of the fleet of its own, and none of them is that of clients', () => {
  assert.match(
    faultsOf('listen = 127.0.0.1:8079', workers('3')).join(),
    /listen: must have another port .* 8079 to 8081/,
  );
  assert.deepEqual(faultsOf('listen = 127.0.0.1:8078', workers('3')), []);
  assert.match(faultsOf('listen = 127.0.0.1:65535', workers('2')).join(), /listen: must have a lower port/);
});

test('how many workers are allowed is said', () => {
  for (const count of ['0', '65', '-1', '1.5', 'all', 'two', ' '])
    assert.match(faultsOf('', workers(count)).join(), /\[gateway\] workers/, count);
});

test('Personal says that it has one process', () => {
  const personal = (count: string) => load('', `[provider.local]\ntype = loopback\n[gateway]\nworkers = ${count}\n`);
  for (const count of ['4', 'auto']) {
    const { config, warnings } = personal(count);
    assert.equal(config.gateway.workers, 1);
    assert.match(warnings.join(), new RegExp(`workers = ${count}: the Personal edition is one process`));
  }
  assert.deepEqual(personal('1').warnings, []);
});
