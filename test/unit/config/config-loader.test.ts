import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type Config, ConfigFaults, type LoadedConfig, loadConfig } from '../../../src/config/config-loader.ts';
import {
  allProviderKeys,
  environmentName,
  modelKeys,
  poolKeys,
  sections,
  tenantKeys,
} from '../../../src/config/keys.ts';
import { shownUrl } from '../../../src/config/postgres-url.ts';

const settingFile = fileURLToPath(new URL('../../../config/setting.ini', import.meta.url));
const provider = '[provider.local]\ntype = loopback\n';
const adminKey = 'a-key-of-24-characters-x';

const load = (text: string, env: Record<string, string> = {}, isTerminal = false): LoadedConfig =>
  loadConfig({ file: null, text, env, isTerminal });

/** Returns the faults as `[section] key: message`, one per line. */
const faultsOf = (text: string, env: Record<string, string> = {}): string => {
  try {
    load(text, env);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults, String(error));
    return error.faults.map(({ section, key, message }) => `[${section}] ${key}: ${message}`).join('\n');
  }
  assert.fail('no fault was found');
};

const ten = <T>(value: T): T[] => Array<T>(10).fill(value);

const defaultPool = {
  seats: 8,
  policy: 'hybrid',
  shareBy: 'level',
  weights: [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  reserved: ten(0),
  cap: ten(Number.POSITIVE_INFINITY),
  requestsPerSec: null,
  requestBurst: null,
  tokensPerSec: null,
  tokenBurst: null,
  maxTokensInFlight: null,
  aimd: false,
  queueDrainMs: 3000,
  queueTimeoutMs: ten(60_000),
  maxQueueDepth: ten(1000),
  maxQueueDepthPool: 10_000,
  maxQueuedBytes: 256 * 1024 * 1024,
};

/** The pools' values by their names in the file repeat the same values, with sources; so does what is written. */
const withoutSources = ({ written: _, ...config }: Config) => ({
  ...config,
  pools: config.pools.map(({ name, settings }) => ({ name, settings })),
});

const seatsOf = ({ pools }: Config) => pools.map(({ name, settings: { seats } }) => ({ name, seats }));

test('without anything but a provider, everything has its default', () => {
  const { config, warnings } = load(provider);
  assert.deepEqual(warnings, []);
  assert.deepEqual(withoutSources(config), {
    gateway: {
      edition: 'personal',
      host: '127.0.0.1',
      port: 8081,
      dataDir: resolve('data'),
      shutdownDelayMs: 0,
      shutdownGraceMs: 10_000,
      maxBodyBytes: 32 * 1024 * 1024,
      maxConnections: 16_000,
      maxConnectionsPerAddress: 12_000,
      trustedProxies: [],
      allowedUpstreamNetworks: [],
      minBodyBytesPerSec: 1024,
      name: null,
      tellsName: false,
      workers: 1,
      corsOrigins: null,
      restoresModel: false,
    },
    database: { url: null, listenUrl: null },
    cluster: {
      enabled: false,
      fleet: 'default',
      listen: null,
      advertise: null,
      isolated: 'keep',
      ttlMs: 5_000,
      deadAfterMs: 15_000,
      abandonedAfterMs: 60_000,
      outageMaxMs: null,
      certificate: null,
    },
    auth: {
      disabled: false,
      allowedHosts: [],
      adminEmail: 'admin@local',
      adminKey: null,
      cacheTtlMs: 30_000,
      staleMaxMs: 3_600_000,
      maxStreamsPerKey: null,
    },
    master: { key: null, previous: null },
    mediaRates: { imageTokens: 1000, bytesPerToken: 16 },
    apiKeyPriority: {
      enabled: { value: false, source: 'default' },
      default_priority: { value: 7, source: 'default' },
      cache_ttl_sec: { value: 300, source: 'default' },
      x_priority: { value: 'allow', source: 'default' },
      mode: { value: 'enforce', source: 'default' },
    },
    console: { enabled: true, sessionIdleMs: 3_600_000, sessionMaxMs: 43_200_000 },
    providers: [
      { name: 'local', models: ['*'], pool: 'local', passthrough: true, type: 'loopback', serviceMs: 500, chunkMs: 20 },
    ],
    pools: [{ name: 'local', settings: defaultPool }],
    tenants: [],
    routes: [],
    telemetry: { metricsKey: null, metricsListen: null, metricsTenants: 0 },
    log: { level: 'info', format: 'json', file: null, accessFile: null, accessSample: {} },
  });
});

test('config/setting.ini gives the defaults and shows every key with its default', () => {
  const text = readFileSync(settingFile, 'utf8');
  const { config, warnings } = loadConfig({ file: settingFile, env: {}, isTerminal: false });
  const defaults = load(provider).config;
  const { apiKeyPriority, ...others } = withoutSources(config);
  const { apiKeyPriority: defaultPriority, ...defaultOthers } = withoutSources(defaults);
  assert.deepEqual(warnings, []);
  assert.deepEqual(others, defaultOthers);
  for (const key of ['enabled', 'default_priority', 'cache_ttl_sec', 'x_priority', 'mode'] as const) {
    assert.deepEqual(apiKeyPriority[key], { value: defaultPriority[key].value, source: 'file' });
  }
  for (const keys of [...Object.values(sections), allProviderKeys, poolKeys, tenantKeys, modelKeys]) {
    for (const [key, { fallback }] of Object.entries(keys)) {
      if (['type', 'base_url', 'targets'].includes(key)) continue;
      assert.match(text, new RegExp(`^(; )?${key} = ?${fallback.replaceAll(/[*.]/g, '\\$&')}$`, 'm'), key);
    }
  }
});

test('metrics name tenants only where a key or a listener of its own keeps them from strangers', () => {
  const key = 'metrics-key-of-24-characters';
  const asked = (lines: string) => `${provider}[telemetry]\nmetrics_tenants = 20\n${lines}`;
  const open = faultsOf(asked(''));
  assert.match(
    open,
    /^\[telemetry\] metrics_tenants: would name tenants to everybody .*set metrics_key .*or metrics_listen/,
  );
  const { telemetry } = load(asked(''), { TOKLIGENCE_TELEMETRY_METRICS_KEY: key }).config;
  assert.deepEqual(telemetry, { metricsKey: key, metricsListen: null, metricsTenants: 20 });
  const listening = load(asked('metrics_listen = [::1]:9100')).config.telemetry.metricsListen;
  assert.deepEqual(listening, { host: '::1', port: 9100 });
});

test('a metrics key that is too short, too many tenants and a listener on the own port are faults', () => {
  const said = faultsOf(`${provider}[telemetry]\nmetrics_key = short\nmetrics_listen = 9100\nmetrics_tenants = 1001\n`);
  assert.match(said, /^\[telemetry\] metrics_key: must be 24 to 256 visible characters/m);
  assert.match(said, /^\[telemetry\] metrics_listen: must be HOST:PORT/m);
  assert.match(said, /^\[telemetry\] metrics_tenants: must be a whole number from 0 to 1000/m);
  assert.ok(!said.includes('short'), 'a key is not told');
  const same = faultsOf(`[gateway]\nport = 9000\n${provider}[telemetry]\nmetrics_listen = 127.0.0.1:9000\n`);
  assert.match(same, /^\[telemetry\] metrics_listen: is where \[gateway\] host and port are/);
});

test('the commented provider of config/setting.ini works once it is uncommented', () => {
  const text = readFileSync(settingFile, 'utf8');
  const section = text.slice(text.indexOf('; [provider.gpu]'), text.indexOf('[log]'));
  const uncommented = section.replaceAll(/^; (\[|[a-z_]+ =)/gm, '$1').replaceAll(/^[A-Z].*$/gm, '');
  assert.deepEqual(load(uncommented).config.providers, [
    {
      name: 'gpu',
      type: 'openai',
      models: ['*'],
      pool: 'gpu',
      passthrough: true,
      baseUrls: ['http://127.0.0.1:8000/v1'],
      seats: { each: 8 },
      apiKey: null,
      connectTimeoutMs: 10_000,
      firstByteTimeoutMs: 600_000,
      idleTimeoutMs: 300_000,
      totalTimeoutMs: 3_600_000,
      forwardPriority: null,
      passHeaders: [],
      headers: [],
      proxy: null,
      healthPath: null,
      retryUnsafe: null,
      allowedNetworks: [],
    },
  ]);
});

test('the commented pool, tenant and model of config/setting.ini work once they are uncommented, and change nothing', () => {
  const text = readFileSync(settingFile, 'utf8');
  const section = text.slice(text.indexOf('; [pool.local]'), text.indexOf('; [provider.gpu]'));
  const { config } = load(`${provider}${section.replaceAll(/^; (\[|[a-z_]+ =)/gm, '$1')}`);
  assert.deepEqual(withoutSources(config).pools, [{ name: 'local', settings: defaultPool }]);
  const [tenant] = config.tenants;
  assert.deepEqual(tenant, {
    tenantId: 'dept-prod',
    weight: 1,
    maxConcurrent: null,
    requestsPerSec: null,
    tokensPerSec: null,
    maxQueueDepth: null,
  });
  const groups = [[{ provider: 'local', model: null, weight: 1 }]];
  assert.deepEqual(config.routes, [{ name: 'llama-70b', aliases: [], groups, spill: null, source: 'file' }]);
});

test('the examples can be started as they are, with the secrets that they ask for', () => {
  const examples = fileURLToPath(new URL('../../../config/examples/', import.meta.url));
  const env = { TOKLIGENCE_DATABASE_URL: 'postgres://u:p@h/d', TOKLIGENCE_AUTH_ADMIN_KEY: adminKey };
  const files = readdirSync(examples).filter(name => name.endsWith('.ini'));
  for (const name of files) {
    const isTeam = readFileSync(join(examples, name), 'utf8').includes('edition = team');
    const { warnings } = loadConfig({ file: join(examples, name), env: isTeam ? env : {}, isTerminal: false });
    assert.deepEqual(warnings, [], name);
  }
  assert.ok(files.includes('gpu-pool.ini'));
});

test('environment wins over file, file over default, and the mapping settings report the source', () => {
  const { config } = load(
    `[gateway]\nedition = team\nport = 9000\n[api_key_priority]\ndefault_priority = 3\nx_priority = lower\n${provider}`,
    { TOKLIGENCE_GATEWAY_PORT: '9001', TOKLIGENCE_API_KEY_PRIORITY_X_PRIORITY: 'ignore' },
  );
  assert.equal(config.gateway.port, 9001);
  assert.deepEqual(config.apiKeyPriority, {
    enabled: { value: false, source: 'default' },
    default_priority: { value: 3, source: 'file' },
    cache_ttl_sec: { value: 300, source: 'default' },
    x_priority: { value: 'ignore', source: 'environment' },
    mode: { value: 'enforce', source: 'default' },
  });
});

test('every key can be set in the environment', () => {
  const text =
    '[provider.gpu-a]\ntype = loopback\n[provider.lo]\ntype = loopback\n[tenant.dept-prod]\n[model.gpt-4.1]\n';
  const { config, warnings } = load(text, {
    TOKLIGENCE_GATEWAY_EDITION: 'team',
    TOKLIGENCE_MASTER_KEY: '07'.repeat(32),
    TOKLIGENCE_MASTER_KEY_PREVIOUS: Buffer.alloc(32, 8).toString('base64'),
    TOKLIGENCE_GATEWAY_HOST: '::1',
    TOKLIGENCE_GATEWAY_PORT: '0',
    TOKLIGENCE_GATEWAY_DATA_DIR: '/srv/data',
    TOKLIGENCE_GATEWAY_SHUTDOWN_DELAY_SEC: '5',
    TOKLIGENCE_GATEWAY_SHUTDOWN_GRACE_SEC: '1.5',
    TOKLIGENCE_GATEWAY_MAX_BODY_MB: '1',
    TOKLIGENCE_GATEWAY_MAX_CONNECTIONS: '500',
    TOKLIGENCE_GATEWAY_MAX_CONNECTIONS_PER_ADDRESS: '1',
    TOKLIGENCE_GATEWAY_TRUSTED_PROXIES: '10.0.0.5, 10.1.0.0/16,fd00::/8',
    TOKLIGENCE_GATEWAY_MIN_BODY_BYTES_PER_SEC: '0',
    TOKLIGENCE_GATEWAY_NAME: 'gw-1',
    TOKLIGENCE_GATEWAY_TELL_NAME: 'false',
    TOKLIGENCE_GATEWAY_WORKERS: '3',
    TOKLIGENCE_GATEWAY_CORS_ORIGINS: 'https://App.example.com:443, http://localhost:3000,tauri://localhost',
    TOKLIGENCE_GATEWAY_RESTORE_MODEL: 'true',
    TOKLIGENCE_DATABASE_URL: 'postgres://u:p@h/d',
    TOKLIGENCE_DATABASE_LISTEN_URL: 'postgresql://u:p@h2/d',
    TOKLIGENCE_CLUSTER_ENABLED: 'true',
    TOKLIGENCE_CLUSTER_FLEET: 'eu-1',
    TOKLIGENCE_CLUSTER_LISTEN: '[::]:8082',
    TOKLIGENCE_CLUSTER_ADVERTISE: '[fd00::5]:9000',
    TOKLIGENCE_CLUSTER_ISOLATED: 'cut',
    TOKLIGENCE_CLUSTER_TTL_SEC: '4',
    TOKLIGENCE_CLUSTER_DEAD_AFTER_SEC: '12',
    TOKLIGENCE_CLUSTER_ABANDONED_AFTER_SEC: '50',
    TOKLIGENCE_CLUSTER_OUTAGE_MAX_SEC: '40',
    TOKLIGENCE_CLUSTER_CERT_FILE: '/tls/own.pem',
    TOKLIGENCE_CLUSTER_KEY_FILE: '/tls/own.key',
    TOKLIGENCE_CLUSTER_CA_FILE: '/tls/ca.pem',
    TOKLIGENCE_AUTH_DISABLED: 'true',
    TOKLIGENCE_AUTH_ALLOWED_HOSTS: 'Host.Docker.Internal, my_box, 192.168.1.5, fd00::1, [FD00::2]',
    TOKLIGENCE_AUTH_ADMIN_EMAIL: ' Root@Example.COM ',
    TOKLIGENCE_AUTH_ADMIN_KEY: adminKey,
    TOKLIGENCE_AUTH_CACHE_TTL_SEC: '2',
    TOKLIGENCE_AUTH_STALE_MAX_SEC: '0',
    TOKLIGENCE_AUTH_MAX_STREAMS_PER_KEY: '7',
    TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true',
    TOKLIGENCE_API_KEY_PRIORITY_DEFAULT_PRIORITY: '0',
    TOKLIGENCE_API_KEY_PRIORITY_CACHE_TTL_SEC: '600',
    TOKLIGENCE_API_KEY_PRIORITY_X_PRIORITY: 'internal',
    TOKLIGENCE_API_KEY_PRIORITY_MODE: 'shadow',
    TOKLIGENCE_CONSOLE_ENABLED: 'false',
    TOKLIGENCE_CONSOLE_SESSION_IDLE_MIN: '5',
    TOKLIGENCE_CONSOLE_SESSION_MAX_HOURS: '168',
    TOKLIGENCE_SCHEDULER_POLICY: 'strict',
    TOKLIGENCE_SCHEDULER_SHARE_BY: 'level',
    TOKLIGENCE_SCHEDULER_WEIGHTS: '1, 2,3,4,5,6,7,8,9, 0.5',
    TOKLIGENCE_SCHEDULER_MAX_QUEUE_DEPTH: '0',
    TOKLIGENCE_SCHEDULER_QUEUE_TIMEOUT_SEC: '0.25',
    TOKLIGENCE_SCHEDULER_MAX_QUEUED_MB: '2',
    TOKLIGENCE_SCHEDULER_IMAGE_TOKENS: '0',
    TOKLIGENCE_SCHEDULER_MEDIA_BYTES_PER_TOKEN: '8',
    TOKLIGENCE_PROVIDER_GPU_A_TYPE: 'anthropic',
    TOKLIGENCE_PROVIDER_GPU_A_BASE_URL: 'https://api.example.com//',
    TOKLIGENCE_PROVIDER_GPU_A_API_KEY: 'sk-1',
    TOKLIGENCE_PROVIDER_GPU_A_MODELS: 'claude-*, other',
    TOKLIGENCE_PROVIDER_GPU_A_MAX_CONCURRENT: '3',
    TOKLIGENCE_PROVIDER_GPU_A_PASSTHROUGH: 'off',
    TOKLIGENCE_PROVIDER_GPU_A_POOL: 'gpus',
    TOKLIGENCE_PROVIDER_GPU_A_CONNECT_TIMEOUT_SEC: '1',
    TOKLIGENCE_PROVIDER_GPU_A_FIRST_BYTE_TIMEOUT_SEC: '2',
    TOKLIGENCE_PROVIDER_GPU_A_IDLE_TIMEOUT_SEC: '3',
    TOKLIGENCE_PROVIDER_GPU_A_TOTAL_TIMEOUT_SEC: '4',
    TOKLIGENCE_PROVIDER_GPU_A_PASS_HEADERS: 'OpenAI-Project, x-amz-date',
    TOKLIGENCE_PROVIDER_GPU_A_FORWARD_PRIORITY: 'vllm',
    TOKLIGENCE_PROVIDER_GPU_A_HEADER_X_ROUTE: 'blue',
    TOKLIGENCE_PROVIDER_GPU_A_PROXY: 'http://proxy:3128',
    TOKLIGENCE_PROVIDER_GPU_A_HEALTH_PATH: '/health',
    TOKLIGENCE_PROVIDER_GPU_A_RETRY_UNSAFE: 'false',
    TOKLIGENCE_GATEWAY_ALLOWED_UPSTREAM_NETWORKS: '169.254.7.0/24',
    TOKLIGENCE_PROVIDER_LO_SERVICE_MS: '0',
    TOKLIGENCE_PROVIDER_LO_CHUNK_MS: '5',
    TOKLIGENCE_SCHEDULER_MAX_QUEUE_DEPTH_POOL: '20',
    TOKLIGENCE_POOL_GPUS_MAX_CONCURRENT: '3',
    TOKLIGENCE_POOL_GPUS_POLICY: 'wfq',
    TOKLIGENCE_POOL_GPUS_SHARE_BY: 'tenant',
    TOKLIGENCE_POOL_GPUS_WEIGHTS: '10,1,1,1,1,1,1,1,1,0.001',
    TOKLIGENCE_POOL_GPUS_RESERVED: '2,0,0,0,0,0,0,0,0,0',
    TOKLIGENCE_POOL_GPUS_CAP: '3,3,3,3,3,3,3,3,3,1',
    TOKLIGENCE_POOL_GPUS_REQUESTS_PER_SEC: '0.5',
    TOKLIGENCE_POOL_GPUS_REQUEST_BURST: '3',
    TOKLIGENCE_POOL_GPUS_TOKENS_PER_SEC: '1000',
    TOKLIGENCE_POOL_GPUS_TOKEN_BURST: '5000',
    TOKLIGENCE_POOL_GPUS_MAX_TOKENS_IN_FLIGHT: '100000',
    TOKLIGENCE_POOL_GPUS_AIMD: 'true',
    TOKLIGENCE_POOL_GPUS_QUEUE_DRAIN_SEC: '1.5',
    TOKLIGENCE_POOL_GPUS_QUEUE_TIMEOUT_SEC: '30,60.5,60.5,60.5,60.5,60.5,60.5,60.5,60.5,60.5',
    TOKLIGENCE_POOL_GPUS_MAX_QUEUE_DEPTH: '7',
    TOKLIGENCE_POOL_GPUS_MAX_QUEUE_DEPTH_POOL: '50',
    TOKLIGENCE_POOL_GPUS_MAX_QUEUED_MB: '3',
    TOKLIGENCE_TENANT_DEPT_PROD_WEIGHT: '2.5',
    TOKLIGENCE_MODEL_GPT_4_1_TARGETS: 'gpu-a:big, lo',
    TOKLIGENCE_MODEL_GPT_4_1_ALIASES: 'default',
    TOKLIGENCE_MODEL_GPT_4_1_SPILL_AFTER_SEC: '1.5',
    TOKLIGENCE_MODEL_GPT_4_1_SPILL_LEVELS: '0-1',
    TOKLIGENCE_TENANT_DEPT_PROD_MAX_CONCURRENT: '4',
    TOKLIGENCE_TENANT_DEPT_PROD_REQUESTS_PER_SEC: '10',
    TOKLIGENCE_TENANT_DEPT_PROD_TOKENS_PER_SEC: '2000',
    TOKLIGENCE_TENANT_DEPT_PROD_MAX_QUEUE_DEPTH: '0',
    TOKLIGENCE_TELEMETRY_METRICS_KEY: 'metrics-key-of-24-characters',
    TOKLIGENCE_TELEMETRY_METRICS_LISTEN: '127.0.0.1:0',
    TOKLIGENCE_TELEMETRY_METRICS_TENANTS: '20',
    TOKLIGENCE_LOG_LEVEL: 'debug',
    TOKLIGENCE_LOG_FORMAT: 'pretty',
    TOKLIGENCE_LOG_FILE: '/var/log/gateway.log',
    TOKLIGENCE_LOG_ACCESS_FILE: '/var/log/access.log',
    TOKLIGENCE_LOG_ACCESS_SAMPLE: 'served:0.1',
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(withoutSources(config), {
    gateway: {
      edition: 'team',
      host: '::1',
      port: 0,
      dataDir: '/srv/data',
      shutdownDelayMs: 5000,
      shutdownGraceMs: 1500,
      maxBodyBytes: 1024 * 1024,
      maxConnections: 500,
      maxConnectionsPerAddress: 1,
      trustedProxies: ['10.0.0.5', '10.1.0.0/16', 'fd00::/8'],
      allowedUpstreamNetworks: ['169.254.7.0/24'],
      minBodyBytesPerSec: 0,
      name: 'gw-1',
      tellsName: false,
      workers: 3,
      corsOrigins: new Set(['https://app.example.com', 'http://localhost:3000', 'tauri://localhost']),
      restoresModel: true,
    },
    database: { url: 'postgres://u:p@h/d', listenUrl: 'postgresql://u:p@h2/d' },
    cluster: {
      enabled: true,
      fleet: 'eu-1',
      listen: { host: '::', port: 8082 },
      advertise: { host: 'fd00::5', port: 9000 },
      isolated: 'cut',
      ttlMs: 4_000,
      deadAfterMs: 12_000,
      abandonedAfterMs: 50_000,
      outageMaxMs: 40_000,
      certificate: { certFile: '/tls/own.pem', keyFile: '/tls/own.key', caFile: '/tls/ca.pem' },
    },
    auth: {
      disabled: true,
      allowedHosts: ['host.docker.internal', 'my_box', '192.168.1.5', '[fd00::1]', '[fd00::2]'],
      adminEmail: 'root@example.com',
      adminKey,
      cacheTtlMs: 2000,
      staleMaxMs: 0,
      maxStreamsPerKey: 7,
    },
    master: { key: '07'.repeat(32), previous: '08'.repeat(32) },
    mediaRates: { imageTokens: 0, bytesPerToken: 8 },
    apiKeyPriority: {
      enabled: { value: true, source: 'environment' },
      default_priority: { value: 0, source: 'environment' },
      cache_ttl_sec: { value: 600, source: 'environment' },
      x_priority: { value: 'internal', source: 'environment' },
      mode: { value: 'shadow', source: 'environment' },
    },
    console: { enabled: false, sessionIdleMs: 300_000, sessionMaxMs: 604_800_000 },
    providers: [
      {
        name: 'gpu-a',
        type: 'anthropic',
        models: ['claude-*', 'other'],
        pool: 'gpus',
        passthrough: false,
        baseUrls: ['https://api.example.com'],
        seats: { each: 3 },
        apiKey: 'sk-1',
        connectTimeoutMs: 1000,
        firstByteTimeoutMs: 2000,
        idleTimeoutMs: 3000,
        totalTimeoutMs: 4000,
        forwardPriority: 'vllm',
        passHeaders: ['openai-project', 'x-amz-date'],
        headers: [['x-route', 'blue']],
        proxy: { origin: 'http://proxy:3128', authorization: null },
        healthPath: '/health',
        retryUnsafe: false,
        allowedNetworks: ['169.254.7.0/24'],
      },
      { name: 'lo', type: 'loopback', models: ['*'], pool: 'lo', passthrough: true, serviceMs: 0, chunkMs: 5 },
    ],
    pools: [
      {
        name: 'gpus',
        settings: {
          seats: 3,
          policy: 'wfq',
          shareBy: 'tenant',
          weights: [10, 1, 1, 1, 1, 1, 1, 1, 1, 0.001],
          reserved: [2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
          cap: [3, 3, 3, 3, 3, 3, 3, 3, 3, 1],
          requestsPerSec: 0.5,
          requestBurst: 3,
          tokensPerSec: 1000,
          tokenBurst: 5000,
          maxTokensInFlight: 100_000,
          aimd: true,
          queueDrainMs: 1500,
          queueTimeoutMs: [30_000, ...Array<number>(9).fill(60_500)],
          maxQueueDepth: ten(7),
          maxQueueDepthPool: 50,
          maxQueuedBytes: 3 * 1024 * 1024,
        },
      },
      {
        name: 'lo',
        settings: {
          ...defaultPool,
          policy: 'strict',
          weights: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0.5],
          queueTimeoutMs: ten(250),
          maxQueueDepth: ten(0),
          maxQueueDepthPool: 20,
          maxQueuedBytes: 2 * 1024 * 1024,
        },
      },
    ],
    tenants: [
      {
        tenantId: 'dept-prod',
        weight: 2.5,
        maxConcurrent: 4,
        requestsPerSec: 10,
        tokensPerSec: 2000,
        maxQueueDepth: 0,
      },
    ],
    routes: [
      {
        name: 'gpt-4.1',
        aliases: ['default'],
        groups: [[{ provider: 'gpu-a', model: 'big', weight: 1 }], [{ provider: 'lo', model: null, weight: 1 }]],
        spill: { afterMs: 1500, levels: [0, 1] },
        source: 'file',
      },
    ],
    telemetry: {
      metricsKey: 'metrics-key-of-24-characters',
      metricsListen: { host: '127.0.0.1', port: 0 },
      metricsTenants: 20,
    },
    log: {
      level: 'debug',
      format: 'pretty',
      file: '/var/log/gateway.log',
      accessFile: '/var/log/access.log',
      accessSample: { served: 0.1 },
    },
  });
});

test('the log is pretty on a terminal and json elsewhere, unless something is asked for', () => {
  assert.equal(load(provider, {}, true).config.log.format, 'pretty');
  assert.equal(load(provider, {}, false).config.log.format, 'json');
  assert.equal(load(`[log]\nformat = json\n${provider}`, {}, true).config.log.format, 'json');
  assert.deepEqual(load(`[log]\nfile = logs/a.log\n${provider}`, {}, true).config.log, {
    level: 'info',
    format: 'json',
    file: resolve('logs/a.log'),
    accessFile: null,
    accessSample: {},
  });
});

test('an empty value counts as not set where the default is empty, in the environment too', () => {
  const text = `[gateway]\nedition = team\n[database]\nurl = postgres://h/d\n[log]\nformat =\n${provider}pool =\n`;
  const { config } = load(text, { TOKLIGENCE_DATABASE_URL: '', TOKLIGENCE_AUTH_ADMIN_KEY: '' });
  assert.equal(config.database.url, 'postgres://h/d');
  assert.equal(config.auth.adminKey, null);
  assert.deepEqual(seatsOf(config), [{ name: 'local', seats: 8 }]);
});

test('an empty variable of the environment counts as not set, whatever its key', () => {
  const text = `[gateway]\nport = 9000\n${provider}[tenant.a-b]\nweight = 3\n[tenant.a.b]\n`;
  const names = Object.entries({ ...sections, 'provider.local': allProviderKeys, 'tenant.a-b': tenantKeys }).flatMap(
    ([section, keys]) => Object.keys(keys).map(key => environmentName(section, key)),
  );
  for (const empty of ['', ' ', '\r\n']) {
    const env = Object.fromEntries([...names, 'TOKLIGENCE_TYPO'].map(name => [name, empty]));
    assert.deepEqual(load(text, env), load(text), JSON.stringify(empty));
  }
});

test('a variable of the environment that is not UTF-8 is refused by its name', () => {
  const said = faultsOf(provider, { TOKLIGENCE_GATEWAY_DATA_DIR: '/donn\ufffdes', OTHER: '\ufffd' });
  assert.equal(said, '[null] null: TOKLIGENCE_GATEWAY_DATA_DIR in the environment is not UTF-8');
});

test('a file in another encoding is refused in one sentence, with the line', t => {
  const folder = mkdtempSync(join(tmpdir(), 'config-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'setting.ini');
  const written = `; \u00e4\r\n[gateway]\r\ndata_dir = /donn\u00e9es\r\n${provider}`;
  const bytes = Buffer.from(written);
  const utf16 = Buffer.from(written, 'utf16le');
  const said = (content: Uint8Array): string => {
    writeFileSync(file, content);
    try {
      return loadConfig({ file, env: {}, isTerminal: false }).config.gateway.dataDir;
    } catch (error) {
      assert.ok(error instanceof ConfigFaults, String(error));
      assert.equal(error.faults.length, 1);
      return (error.faults[0]?.message ?? '').replace(`the configuration file ${file}: `, '');
    }
  };
  const isUtf16 = 'it is UTF-16 and must be UTF-8: save it in that encoding';
  assert.equal(said(bytes), resolve('/donn\u00e9es'));
  assert.equal(said(Buffer.concat([Buffer.from('\ufeff'), bytes])), resolve('/donn\u00e9es'));
  assert.equal(said(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16])), isUtf16);
  assert.equal(said(Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]).swap16()), isUtf16);
  assert.equal(said(utf16), isUtf16);
  assert.equal(said(Buffer.from(utf16).swap16()), isUtf16);
  assert.equal(said(Buffer.from(written, 'latin1')), 'it is not UTF-8 in line 1: save it in that encoding');
  const onlyInLine3 = Buffer.concat([bytes.subarray(0, 5), Buffer.from(written.slice(4), 'latin1')]);
  assert.equal(said(onlyInLine3), 'it is not UTF-8 in line 3: save it in that encoding');
  assert.equal(
    said(bytes.subarray(0, bytes.indexOf(0xc3, 5) + 1)),
    'it is not UTF-8 in line 3: save it in that encoding',
  );
  assert.equal(said(Buffer.from(`${provider}\n[gateway]\n\0`)), 'it has a NUL character in line 5');
});

test('an IPv6 address may be written in brackets, and nothing else with a colon is a host', () => {
  const hostOf = (host: string) => load(`[gateway]\nhost = ${host}\n${provider}`).config.gateway.host;
  for (const host of ['::1', '::', 'fe80::1', '::ffff:127.0.0.1']) {
    assert.equal(hostOf(host), host);
    assert.equal(hostOf(`[${host}]`), host);
  }
  assert.equal(load(`[auth]\ndisabled = true\n[gateway]\nhost = [::1]\n${provider}`).config.auth.disabled, true);
  for (const host of [
    '[::1]:8081',
    '[127.0.0.1]',
    '[localhost]',
    '[]',
    '[::1',
    '::1]',
    'localhost:8081',
    'a:b',
    'fe80::1%eth0',
  ])
    assert.match(faultsOf(`[gateway]\nhost = ${host}\n${provider}`), /^\[gateway\] host: must be a host name or an IP/);
});

test('a value keeps ; # and blanks inside quotes, and backslashes outside', () => {
  const text = String.raw`[gateway]
edition = team
data_dir = 'C:\\data #1; '
[database]
url = "postgres://u:p;a%23ss@h/d"
[auth]
admin_key = "quoted-\"-and-\\-inside-0123"
[provider.up]
type = openai
base_url = http://127.0.0.1:1/v1/
api_key = a\\b"c'd
`;
  const { config } = load(text);
  assert.ok(config.gateway.dataDir.endsWith(String.raw`C:\\data #1; `));
  assert.equal(config.database.url, 'postgres://u:p;a%23ss@h/d');
  assert.equal(config.auth.adminKey, String.raw`quoted-"-and-\-inside-0123`);
  const [up] = config.providers;
  assert.ok(up?.type === 'openai');
  assert.equal(up.apiKey, String.raw`a\\b"c'd`);
  assert.deepEqual(up.baseUrls, ['http://127.0.0.1:1/v1']);
});

test('a file is read whatever its line ends, byte order mark and indentation', () => {
  const { config } = load('\uFEFF; comment\r\n  [provider.local]\r\n\ttype=loopback\r\n# another\rservice_ms = 1');
  assert.deepEqual(config.providers[0], {
    name: 'local',
    models: ['*'],
    pool: 'local',
    passthrough: true,
    type: 'loopback',
    serviceMs: 1,
    chunkMs: 20,
  });
});

test('a missing file, a folder and a file without providers are each refused with a clear message', t => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const from = (file: string | null) => () => loadConfig({ file, env: {}, isTerminal: false });
  assert.throws(from(join(folder, 'no.ini')), /no\.ini: there is no such file/);
  assert.throws(from(folder), /it is a folder/);
  assert.throws(from(null), /no provider: at least one section \[provider\.NAME\]/);
  writeFileSync(join(folder, 'a.ini'), provider);
  assert.equal(from(join(folder, 'a.ini'))().config.providers.length, 1);
});

// Text after a valid provider · the expected fault.
const faultyTexts: [string, RegExp][] = [
  ['[gateway]\nedition = Team', /\[gateway\] edition: must be personal or team$/],
  ['[gateway]\nport = 65536', /\[gateway\] port: must be a whole number from 0 to 65535$/],
  ['[gateway]\nport = 80.5', /\[gateway\] port: /],
  ['[gateway]\nport = 1e3', /\[gateway\] port: /],
  ['[gateway]\nport =', /\[gateway\] port: /],
  ['[gateway]\nhost = http://127.0.0.1', /\[gateway\] host: must be a host name or an IP address/],
  ['[gateway]\ndata_dir =', /\[gateway\] data_dir: must be a folder/],
  ['[gateway]\nshutdown_grace_sec = -1', /shutdown_grace_sec: must be a number of seconds from 0 to 3600/],
  ['[gateway]\nmax_body_mb = 0', /max_body_mb: must be a whole number from 1 to 1024/],
  ['[gateway]\nmax_connections = 0', /max_connections: must be a whole number from 1 to 1000000/],
  ['[gateway]\nmax_connections_per_address = no', /max_connections_per_address: must be a whole number from 1/],
  ...[
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    'fe80::1%eth0',
    'proxy.local',
    '10.0.0.1,',
    '*',
  ].map((value): [string, RegExp] => [
    `[gateway]\ntrusted_proxies = ${value}`,
    /trusted_proxies: must be IP addresses or networks such as 10\.0\.0\.0\/8, with commas between, or empty$/,
  ]),
  ...[
    'https://a.example/',
    'a.example',
    'https://*.example',
    '*, https://a',
    'null',
    'https://u@a',
    'https://a:99999',
  ].map((value): [string, RegExp] => [
    `[gateway]\ncors_origins = ${value}`,
    /cors_origins: must be \* or origins such as https:\/\/app\.example\.com .*, with commas between, or empty$/,
  ]),
  ['[provider.b]\ntype = loopback\npassthrough = no', /passthrough: must be on or off$/],
  ...['http://a', 'a:80', '[::1]:80', '*.corp', 'a b', 'a,,b', 'a@b', '1.2.3.4.5'].map((value): [string, RegExp] => [
    `[auth]\nallowed_hosts = ${value}`,
    /allowed_hosts: must be host names or IP addresses, without ports, with commas between, or empty$/,
  ]),
  ['[gateway]\nmin_body_bytes_per_sec = -1', /min_body_bytes_per_sec: must be a whole number from 0/],
  ['[auth]\nmax_streams_per_key = 0', /max_streams_per_key: must be a whole number from 1/],
  ['[scheduler]\nmedia_bytes_per_token = 0', /media_bytes_per_token: must be a whole number from 1/],
  ['[gateway]\nprot = 1', /\[gateway\] prot: unknown key: is port meant\?/],
  ['[gateway]\nweights = 1', /\[gateway\] weights: unknown key: it belongs to \[scheduler\]/],
  ['[gateway]\nzzz = 1', /\[gateway\] zzz: unknown key: there are edition, host, port,/],
  ['[gatway]\nport = 1', /\[gatway\] null: unknown section: is gateway meant\?/],
  ['[zzz]', /\[zzz\] null: unknown section: there are gateway, database, /],
  ['[provider]', /\[provider\] null: unknown section: is provider\.NAME meant\?/],
  ['[provider.a.b]\ntype = loopback', /\[provider\.a\.b\] null: no dots in names/],
  ['[provider.1a]\ntype = loopback', /\[provider\.1a\] null: no dots in names/],
  ['[a.b]', /\[a\.b\] null: no dots in names/],
  ['[gateway', /a section is \[name\], alone on its line/],
  ['[gateway] ; first', /a section is \[name\], alone on its line/],
  ['[]', /not a name of a section/],
  ['[gateway]\nport 80', /\[gateway\] null: line 4 is not "key = value"/],
  ['[gateway]\n= 80', /\[gateway\] null: line 4 is not "key = value"/],
  ['[gateway]\ndata.dir = x', /\[gateway\] null: line 4 is not .* without dots/],
  ['[gateway]\n__proto__ = 1', /\[gateway\] __proto__: unknown key/],
  ['[gateway]\nconstructor = 1', /\[gateway\] constructor: unknown key/],
  ['[constructor]', /\[constructor\] null: unknown section/],
  ['[gateway]\nport = 1\nport = 1', /\[gateway\] port: the key stands twice \(line 5\)/],
  ['[gateway]\n[log]\n[gateway]', /\[gateway\] null: the section stands twice \(line 5\)/],
  ['[gateway]\nport = 80 ; http', /\[gateway\] port: a value with ; or # must be in double quotes/],
  ['[auth]\nadmin_key = 0123456789012345678901#34', /\[auth\] admin_key: a value with ; or #/],
  [
    '[auth]\nadmin_key = "0123456789012345678901#34" ; x',
    /\[auth\] admin_key: the value must end with its closing quote/,
  ],
  ['[auth]\nadmin_key = "01234567890123456789012', /\[auth\] admin_key: the value must end with its closing/],
  ["[auth]\nadmin_key = 'it's a key of 24 letters'", /\[auth\] admin_key: the value must end with its closing/],
  ['[auth]\nadmin_key = 12345678901234567890123', /\[auth\] admin_key: must be 24 to 256 visible characters/],
  ['[auth]\nadmin_key = with a blank but long enough', /\[auth\] admin_key: /],
  ['[auth]\nadmin_email = a@b@c', /\[auth\] admin_email: must be 3 to 254 characters with one @/],
  ['[auth]\nadmin_email = @local', /\[auth\] admin_email: /],
  [`[auth]\nadmin_email = a@${'b'.repeat(253)}`, /\[auth\] admin_email: /],
  ['[auth]\ndisabled = yes', /\[auth\] disabled: must be true or false/],
  ['[auth]\ndisabled = true\n[gateway]\nhost = 0.0.0.0', /\[auth\] disabled: needs \[gateway\] host on a loopback/],
  ['[auth]\ndisabled = true\n[gateway]\nhost = 127.evil.example', /\[auth\] disabled: needs \[gateway\] host on/],
  ['[auth]\ndisabled = true\n[gateway]\nhost = ::', /\[auth\] disabled: needs \[gateway\] host on/],
  ['[api_key_priority]\nenabled = true', /\[api_key_priority\] enabled: needs \[gateway\] edition = team/],
  ['[api_key_priority]\ndefault_priority = 10', /default_priority: must be a whole number from 0 to 9/],
  ['[api_key_priority]\nmode = dry', /mode: must be enforce or shadow/],
  ['[api_key_priority]\nx_priority = deny', /x_priority: must be allow or internal or lower or ignore/],
  ['[database]\nurl = postgres://h/d', /\[database\] url: needs \[gateway\] edition = team/],
  ['[gateway]\nedition = team\n[database]\nurl = mysql://h/d', /\[database\] url: must be a postgres:\/\/ URL/],
  [
    '[gateway]\nedition = team\n[database]\nlisten_url = postgres://h',
    /\[database\] listen_url: needs a url beside it/,
  ],
  ['[scheduler]\nweights = 1,2,3', /\[scheduler\] weights: must be ten numbers/],
  ['[scheduler]\nweights = 1,2,3,4,5,6,7,8,9,0', /\[scheduler\] weights: must be ten numbers/],
  ['[scheduler]\nweights = 1,2,3,4,5,6,7,8,9,', /\[scheduler\] weights: must be ten numbers/],
  ['[scheduler]\nqueue_timeout_sec = 0', /queue_timeout_sec: must be a number of seconds from 0\.001 to 86400/],
  ['[log]\nlevel = trace', /\[log\] level: must be debug or info or warn or error/],
  ['[provider.b]', /\[provider\.b\] type: is missing: must be openai or anthropic or loopback/],
  [
    '[provider.b]\ntype = openai\nbase_url = http://x\npass_headers = x-a, Authorization',
    /\[provider\.b\] pass_headers: must be names of headers other than those that the gateway itself reads/,
  ],
  ['[provider.b]\ntype = openai\nbase_url = http://x\npass_headers = a b', /\[provider\.b\] pass_headers: /],
  ['[provider.b]\ntype = openai\nbase_url = http://x\ntotal_timeout_sec = 0', /\[provider\.b\] total_timeout_sec: /],
  ['[provider.b]\ntype = azure', /\[provider\.b\] type: must be openai or anthropic or loopback/],
  ['[provider.b]\ntype = openai', /\[provider\.b\] base_url: is missing: must be an http:\/\/ or https:\/\/ URL/],
  ['[provider.b]\ntype = openai\nbase_url = ftp://x', /\[provider\.b\] base_url: must be an http/],
  ['[provider.b]\ntype = openai\nbase_url = http://u:p@x', /\[provider\.b\] base_url: .*without credentials/],
  ['[provider.b]\ntype = openai\nbase_url = http://x/v1?a=b', /\[provider\.b\] base_url: /],
  ['[provider.b]\ntype = openai\nbase_url = http://x\nservice_ms = 1', /service_ms: is for type loopback only/],
  ['[provider.b]\ntype = loopback\nbase_url = http://x', /base_url: is for type openai and anthropic only/],
  ['[provider.b]\ntype = loopback\napi_key = x', /api_key: is for type openai and anthropic only/],
  ['[provider.b]\ntype = loopback\nmodels =', /models: must be names or globs of models/],
  ['[provider.b]\ntype = loopback\nmodels = a,,b', /models: must be names or globs of models/],
  ['[provider.b]\ntype = loopback\nmax_concurrent = 0', /max_concurrent: must be a whole number from 1 to/],
  ['[provider.b]\ntype = loopback\npool = a b', /pool: must be a letter, then letters/],
  [
    '[provider.LOCAL]\ntype = loopback',
    /\[provider\.LOCAL\] null: the environment could not tell it from \[provider\.local\]/,
  ],
  ['[pool.local]\nshare_by = user', /\[pool\.local\] share_by: must be level or tenant, or empty$/],
  ['[pool.local]\npolicy = fair', /\[pool\.local\] policy: must be strict or wfq or hybrid, or empty$/],
  ['[pool.local]\nweights = 1,2', /\[pool\.local\] weights: must be ten numbers .* with commas between, or empty$/],
  [
    '[pool.local]\nreserved = 1,0,0,0,0,0,0,0,0,-1',
    /reserved: must be ten whole numbers of seats from 0 for P0 … P9, with/,
  ],
  ['[pool.local]\nreserved =', /reserved: must be ten whole numbers of seats/],
  [
    '[pool.local]\nreserved = 4,4,0,0,0,0,0,0,0,0',
    /reserved: adds up to 8; must be fewer than the 8 seats of the pool/,
  ],
  ['[pool.local]\ncap = 0,1,1,1,1,1,1,1,1,1', /cap: must be ten whole numbers of seats from 1/],
  ['[pool.local]\ncap = 9,8,8,8,8,8,8,8,8,10', /cap: gives P0, P9 more seats than the 8 of the pool/],
  [
    '[pool.local]\ncap = 1,8,8,8,8,8,8,8,8,8\nreserved = 2,0,0,0,0,0,0,0,0,0',
    /reserved: keeps 2 seats for P0; must be at most its cap of 1/,
  ],
  [
    '[pool.local]\nrequests_per_sec = 0.0001',
    /requests_per_sec: must be a number from 0.001 .* three decimals, or empty/,
  ],
  ['[pool.local]\nrequest_burst = 5', /request_burst: needs requests_per_sec beside it/],
  ['[pool.local]\ntoken_burst = 5\nrequests_per_sec = 5', /token_burst: needs tokens_per_sec beside it/],
  [
    '[pool.local]\nmax_queue_depth = 1,2',
    /max_queue_depth: must be a whole number .*, or ten of them for P0 … P9 with commas/,
  ],
  ['[pool.locl]', /\[pool\.locl\] null: no provider has this pool: is local meant\?/],
  ['[scheduler]\nreserved = 0', /\[scheduler\] reserved: unknown key: it belongs to \[pool\.NAME\]/],
  ['[tenant.a]\nweight = 0', /\[tenant\.a\] weight: must be a number from 0\.001/],
  ['[tenant.a]\nmax_concurrent = 0', /\[tenant\.a\] max_concurrent: must be a whole number from 1/],
  ['[tenant.a]\npolicy = wfq', /\[tenant\.a\] policy: unknown key: it belongs to \[scheduler\]/],
  ['[tenant.]', /\[tenant\.\] null: no dots in names but/],
  ['[provider.b]\ntype = loopback\nkind = x', /\[provider\.b\] kind: unknown key: there are type, models/],
  ['[provider.b]\ntype = loopback\nport = 1', /\[provider\.b\] port: unknown key: it belongs to \[gateway\]/],
];

test('each fault in the file is named with its section, its key and what is allowed', async t => {
  for (const [text, expected] of faultyTexts) {
    await t.test(text.replaceAll('\n', ' · '), () => assert.match(faultsOf(`${provider}${text}\n`), expected));
  }
});

test('a fault in the environment names the variable', () => {
  const said = faultsOf(provider, { TOKLIGENCE_GATEWAY_PORT: 'http', TOKLIGENCE_PROVIDER_LOCAL_CHUNK_MS: '-1' });
  assert.match(said, /\[gateway\] port: must be .* \(set by TOKLIGENCE_GATEWAY_PORT\)/);
  assert.match(said, /\[provider\.local\] chunk_ms: must be .* \(set by TOKLIGENCE_PROVIDER_LOCAL_CHUNK_MS\)/);
});

test('all faults are reported at once, in the error and in its message', () => {
  const text = 'x = 1\n[gateway]\nport = no\nedition = none\n[scheduler]\nweights = 1\n[typo]\n[provider.a]\n';
  assert.throws(
    () => load(text, { TOKLIGENCE_AUTH_ADMIN_KEY: 'short' }),
    (error: unknown) => {
      assert.ok(error instanceof ConfigFaults);
      assert.equal(error.faults.length, 7);
      assert.equal(error.message.split('\n').length, 8);
      for (const part of [
        'line 1',
        '[gateway] port',
        'edition',
        'weights',
        '[typo]',
        'admin_key',
        '[provider.a] type',
      ]) {
        assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      }
      return true;
    },
  );
});

test('a faulty key is reported once, and no other fault follows from it', () => {
  const text = `[gateway]\nedition = tema\nport = 1;2\n[database]\nurl = postgres://h/d\n${provider}`;
  assert.equal(faultsOf(text).split('\n').length, 2);
});

test('secrets never appear in a fault or a warning', () => {
  const secret = fc
    .string({ minLength: 6, maxLength: 40, unit: fc.constantFrom(...'sS3;#"\'\\=.-_ ') })
    .map(s => `hunter2${s}`);
  fc.assert(
    fc.property(secret, fc.boolean(), (hidden, isKey) => {
      const text = [
        '[database]',
        `url = mysql://u:${hidden}@h/d`,
        '[auth]',
        `admin_key = "${hidden}`,
        isKey ? `postgres://u:${hidden}@h/d?a=b` : hidden,
        '[provider.up]',
        'type = openai',
        `base_url = http://u:${hidden}@h`,
        `api_key = ;${hidden}`,
      ].join('\n');
      const said = faultsOf(text, { TOKLIGENCE_AUTH_ADMIN_KEY: '', TOKLIGENCE_PROVIDER_UP_API_KEY: `\n${hidden} \n.` });
      assert.ok(!said.includes('hunter2'), said);
    }),
  );
});

test('any text is read or refused with faults, never with another error', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('[gateway]', '[provider.a]', 'type = loopback', 'port = 1', '[', '=', '"', '[__proto__]', 'a.b=c'),
  );
  fc.assert(
    fc.property(fc.array(line), lines => {
      try {
        load(lines.join('\n'));
      } catch (error) {
        assert.ok(error instanceof ConfigFaults && error.faults.length > 0, String(error));
      }
    }),
  );
});

test('a value between double quotes arrives as it was written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      const written = value.replaceAll('\0', '');
      const { config } = load(`[log]\nfile = ${JSON.stringify(`/${written}`)}\n${provider}`);
      assert.equal(config.log.file, resolve(`/${written}`));
    }),
  );
});

test('auth may be disabled on every spelling of a loopback address', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    assert.equal(
      load(`[gateway]\nhost = ${host}\n[auth]\ndisabled = true\n${provider}`).config.auth.disabled,
      true,
      host,
    );
  }
});

test('providers that name one pool share the number of seats that one of them gives', () => {
  const pools = (...sections: string[]) =>
    seatsOf(load(sections.map((keys, i) => `[provider.${'abc'[i]}]\ntype = loopback\n${keys}\n`).join('')).config);
  assert.deepEqual(pools('', 'pool = a'), [{ name: 'a', seats: 8 }]);
  assert.deepEqual(pools('', 'pool = a\nmax_concurrent = 3'), [{ name: 'a', seats: 3 }]);
  assert.deepEqual(pools('max_concurrent = 3', 'pool = a', 'max_concurrent = 5'), [
    { name: 'a', seats: 3 },
    { name: 'c', seats: 5 },
  ]);
  assert.deepEqual(pools('pool = x\nmax_concurrent = 3', 'pool = x\nmax_concurrent = 3'), [{ name: 'x', seats: 3 }]);
});

test('two different numbers of seats for one pool are a fault, the environment included', () => {
  const text = '[provider.a]\ntype = loopback\nmax_concurrent = 8\n[provider.b]\ntype = loopback\npool = a\n';
  const said = faultsOf(text, { TOKLIGENCE_PROVIDER_B_MAX_CONCURRENT: '9' });
  assert.match(said, /^\[provider\.b\] max_concurrent: the pool a is given 8 seats by \[provider\.a\] and 9 here/);
});

test('no two keys of differently spelled providers share a name in the environment', () => {
  const keys = Object.keys(allProviderKeys);
  for (const key of keys) {
    for (const other of keys) assert.ok(!key.endsWith(`_${other}`), `${key} of a is ${other} of a-…`);
  }
  assert.equal(environmentName('provider.gpu-a', 'api_key'), 'TOKLIGENCE_PROVIDER_GPU_A_API_KEY');
});

test('unknown names in the environment are warnings that suggest the nearest name', () => {
  const { warnings } = load(provider, {
    TOKLIGENCE_GATEWAY_PROT: '1',
    TOKLIGENCE_PROVIDER_OTHER_TYPE: 'loopback',
    TOKLIGENCE_XYZ: 's3cret',
    OTHER: 'x',
  });
  assert.deepEqual(warnings, [
    'TOKLIGENCE_GATEWAY_PROT in the environment is unknown: is TOKLIGENCE_GATEWAY_PORT meant?',
    'TOKLIGENCE_PROVIDER_OTHER_TYPE in the environment is unknown: it only overrides keys of providers that the file names',
    'TOKLIGENCE_XYZ in the environment is unknown',
  ]);
});

test('the environment can set every pool, also one without a section and one named in the environment', () => {
  const { config, warnings } = load(`${provider}[provider.b]\ntype = loopback\n`, {
    TOKLIGENCE_PROVIDER_LOCAL_POOL: 'shared',
    TOKLIGENCE_POOL_SHARED_POLICY: 'strict',
    TOKLIGENCE_POOL_B_POLICY: 'wfq',
    TOKLIGENCE_POOL_LOCAL_POLICY: 'wfq',
  });
  assert.deepEqual(
    config.pools.map(({ name, values: { policy } }) => [name, policy]),
    [
      ['shared', { value: 'strict', source: 'environment' }],
      ['b', { value: 'wfq', source: 'environment' }],
    ],
  );
  assert.deepEqual(warnings, [
    'TOKLIGENCE_POOL_LOCAL_POLICY in the environment is unknown: it only overrides keys of pools that the file names',
  ]);
});

test('tenants whose names look alike in the environment are a fault only where it sets one of them', () => {
  const text = `${provider}[tenant.a-b]\n[tenant.a.b]\nweight = 2\n`;
  assert.deepEqual(
    load(text).config.tenants.map(({ weight }) => weight),
    [1, 2],
  );
  assert.match(
    faultsOf(text, { TOKLIGENCE_TENANT_A_B_WEIGHT: '3' }),
    /^\[tenant\.a\.b\] null: .* tell it from \[tenant\.a-b\]/,
  );
});

test('the service links of Kubernetes are ignored with one warning', () => {
  const { config, warnings } = load(provider, {
    TOKLIGENCE_GATEWAY_PORT: 'tcp://10.0.0.1:8081',
    TOKLIGENCE_GATEWAY_SERVICE_HOST: '10.0.0.1',
    TOKLIGENCE_GATEWAY_SERVICE_PORT: '8081',
    TOKLIGENCE_GATEWAY_SERVICE_PORT_HTTP: '8081',
    TOKLIGENCE_GATEWAY_PORT_8081_TCP: 'tcp://10.0.0.1:8081',
    TOKLIGENCE_GATEWAY_PORT_8081_TCP_PORT: '8081',
  });
  assert.equal(config.gateway.port, 8081);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^ignored TOKLIGENCE_GATEWAY_PORT, TOKLIGENCE_GATEWAY_SERVICE_HOST, .*Kubernetes/);
});

test('a provider whose name looks like a service link keeps its settings', () => {
  const { config, warnings } = load('[provider.my-service-port]\ntype = loopback\n', {
    TOKLIGENCE_PROVIDER_MY_SERVICE_PORT_MAX_CONCURRENT: '2',
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(seatsOf(config), [{ name: 'my-service-port', seats: 2 }]);
});

test('a database is named as libpq would take it, as long as it is one host', () => {
  const team = (url: string) => `[gateway]\nedition = team\n[database]\nurl = ${url}\n${provider}`;
  const taken = {
    'postgres://user:pw@/tokligence?host=/cloudsql/project:region:db': '/cloudsql/project:region:db/tokligence',
    'postgres:///tokligence?host=/var/run/postgresql': '/var/run/postgresql/tokligence',
    'postgres://user:pw@%2Fvar%2Frun%2Fpostgresql/tokligence': '%2Fvar%2Frun%2Fpostgresql/tokligence',
    'postgresql://user:pw@[::1]:5432/tokligence': '[::1]:5432/tokligence',
    'postgres://db/tokligence?sslmode=verify-full': 'db/tokligence',
  };
  for (const [url, shown] of Object.entries(taken)) {
    assert.equal(load(team(url)).config.database.url, url);
    assert.equal(shownUrl(url), shown);
  }
  const refused = [
    'postgres://db1:5432,db2:5432/x',
    'postgres://db1,db2/x',
    'postgres://u:p@/x?host=db1,db2',
    'postgresql+psycopg://u@db/x',
    'host=db dbname=x',
    'mysql://db/x',
  ];
  for (const url of refused)
    assert.match(faultsOf(team(url)), /\[database\] url: must be a postgres:\/\/ URL of one host/);
});

test('a folder with a line break in its name is refused by the name of the key', () => {
  assert.match(
    faultsOf(`[gateway]\ndata_dir = "a\\nb"\n${provider}`),
    /\[gateway\] data_dir: must be a folder, without line/,
  );
});

test('a file with keys that everybody may read causes a warning, other files do not', {
  skip: process.platform === 'win32',
}, t => {
  const folder = mkdtempSync(join(tmpdir(), 'config-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'setting.ini');
  const warnings = (text: string, mode: number) => {
    writeFileSync(file, text);
    chmodSync(file, mode);
    return loadConfig({ file, env: {}, isTerminal: false }).warnings;
  };
  const secret = `[auth]\nadmin_key = ${adminKey}\n${provider}`;
  assert.match(warnings(secret, 0o644).join(), /setting\.ini holds keys or passwords.*: chmod o= /);
  assert.ok(!warnings(secret, 0o644).join().includes(adminKey));
  assert.deepEqual(warnings(secret, 0o640), []);
  assert.deepEqual(warnings(provider, 0o644), []);
});

test('a share of the lines is given for each outcome once, and both files of the log differ', () => {
  const log = (text: string) => load(`[log]\n${text}\n${provider}`).config.log;
  assert.deepEqual(log('access_sample = served : 0.01, client_left:0,not_found:1').accessSample, {
    served: 0.01,
    client_left: 0,
    not_found: 1,
  });
  for (const wrong of [
    'served',
    'served:2',
    'served:-1',
    'served:.5',
    'sold:0.1',
    'served:0:1',
    'served:0,served:1',
    'served:1,',
  ])
    assert.match(
      faultsOf(`[log]\naccess_sample = ${wrong}\n${provider}`),
      /^\[log\] access_sample: must be outcome:share, /,
    );
  assert.match(
    faultsOf(`[log]\nfile = a.log\naccess_file = ./a.log\n${provider}`),
    /^\[log\] access_file: must be another file than file/,
  );
  assert.equal(log('access_file = a.log').accessFile?.endsWith('/a.log'), true);
});

test('a value can stand in a file that the environment names', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const key = await file('key', `${adminKey}\n`);
  const env = {
    TOKLIGENCE_AUTH_ADMIN_KEY_FILE: key,
    TOKLIGENCE_AUTH_ADMIN_KEY: '',
    TOKLIGENCE_PROVIDER_GPU_API_KEY_FILE: await file('vendor', 'vendor-key'),
    TOKLIGENCE_PROVIDER_GPU_HEADER_X_ROUTE_FILE: await file('route', 'blue\r\n'),
    TOKLIGENCE_PROVIDER_GPU_HEADER_X_FILE: 'red',
    TOKLIGENCE_GATEWAY_PORT_FILE: '',
    TOKLIGENCE_LOG_FILE: '/var/log/gateway.log',
  };
  const gpu = '[provider.gpu]\ntype = openai\nbase_url = http://h/v1\nheader.x-file = green\n';
  const { config, warnings } = load(gpu, env);
  assert.equal(config.auth.adminKey, adminKey);
  assert.equal(config.log.file, '/var/log/gateway.log', 'the path itself');
  assert.deepEqual(warnings, []);
  const [provider] = config.providers;
  assert.ok(provider !== undefined && provider.type !== 'loopback');
  assert.equal(provider.apiKey, 'vendor-key');
  assert.deepEqual(provider.headers.toSorted(), [
    ['x-file', 'red'],
    ['x-route', 'blue'],
  ]);
  const faultOf = (path: string) => faultsOf(gpu, { TOKLIGENCE_AUTH_ADMIN_KEY_FILE: path });
  assert.match(faultOf(join(folder, 'none')), /ADMIN_KEY_FILE in the environment: .*none: there is no such file$/);
  assert.match(faultOf(folder), /: it is a folder$/);
  assert.match(faultOf(await file('empty', ' \n')), /empty is empty$/);
  assert.match(faultOf(await file('long', 'x'.repeat(65_537))), /long has more than 65536 bytes$/);
  assert.match(faultOf(await file('bytes', Uint8Array.of(0xff, 0xfe, 0x41))), /bytes .*UTF-8/);
  assert.match(
    faultsOf(gpu, { TOKLIGENCE_AUTH_ADMIN_KEY_FILE: key, TOKLIGENCE_AUTH_ADMIN_KEY: adminKey }),
    /TOKLIGENCE_AUTH_ADMIN_KEY and TOKLIGENCE_AUTH_ADMIN_KEY_FILE are both set in the environment/,
  );
});

test('a pipe or a device in the place of a file with a value is refused at once, and an endless one is not read', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  t.after(() => rm(folder, { recursive: true }));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const path of [pipe, '/dev/zero', '/dev/null'])
    assert.match(
      faultsOf(provider, { TOKLIGENCE_AUTH_ADMIN_KEY_FILE: path }),
      /: it is a pipe or a device, not a file$/,
    );
  const huge = join(folder, 'huge');
  await writeFile(huge, '');
  await truncate(huge, 2 ** 40);
  assert.match(faultsOf(provider, { TOKLIGENCE_AUTH_ADMIN_KEY_FILE: huge }), /huge has more than 65536 bytes$/);
});

test('a variable that ends in _FILE and belongs to no key is unknown, as any other, and its file is nobody’s concern', () => {
  const env = { TOKLIGENCE_PID_FILE: '/run/none.pid', TOKLIGENCE_CONFIG_FILE: settingFile };
  assert.deepEqual(load(provider, env).warnings.toSorted(), [
    'TOKLIGENCE_CONFIG_FILE in the environment is unknown',
    'TOKLIGENCE_PID_FILE in the environment is unknown',
  ]);
  assert.deepEqual(load(provider, { TOKLIGENCE_AUTH_ADMN_KEY_FILE: '/none' }).warnings, [
    'TOKLIGENCE_AUTH_ADMN_KEY_FILE in the environment is unknown: is TOKLIGENCE_AUTH_ADMIN_KEY_FILE meant?',
  ]);
  const pool = '[provider.gpu]\ntype = openai\nbase_url = http://h/v1\nmax_concurrent = 2\n';
  for (const name of ['POOL_GPU_POLICY', 'PROVIDER_GPU_HEADER_X_ROUTE', 'PROVIDER_GPU_API_KEY'])
    assert.match(
      faultsOf(pool, { [`TOKLIGENCE_${name}_FILE`]: '/none' }),
      /_FILE in the environment: \/none: there is no/,
    );
});
