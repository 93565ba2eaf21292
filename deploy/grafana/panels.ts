/** What the dashboard shows; Grafana's variables ($job, $instance, $quantile, $__rate_interval) stand in the queries. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it shows, and what is good. */
  readonly says: string;
  /** Grafana's name of it. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const scraped = 'job=~"$job",instance=~"$instance"';
const of = (metric: string, ...labels: readonly string[]): string => `${metric}{${[scraped, ...labels].join(',')}}`;
const rate = (metric: string, ...labels: readonly string[]): string =>
  `rate(${of(metric, ...labels)}[$__rate_interval])`;
const sumBy = (by: string, expr: string): string => `sum by (${by}) (${expr})`;
const perSecond = (metric: string, by: string, ...labels: readonly string[]): string =>
  sumBy(by, rate(metric, ...labels));

const quantile = (metric: string, by: string): string =>
  `histogram_quantile($quantile, ${sumBy(`${by}, le`, rate(`${metric}_bucket`))})`;

const refusals = 'outcome!~"served|upstream_error|upstream_failed|client_left"';
const failures = 'outcome=~"upstream_error|upstream_failed"';

const lanes: Row = {
  title: 'Lanes',
  panels: [
    {
      title: 'Wait for a seat, by level',
      says: 'Of requests that got one, by the chosen quantile. P0 near 0 is what the lanes are for.',
      unit: 's',
      queries: [{ expr: quantile('tokligence_queue_wait_seconds', 'level'), legend: 'P{{level}}' }],
    },
    {
      title: 'Waiting now, by level',
      says: 'Requests in the queues of all pools.',
      unit: 'short',
      queries: [{ expr: sumBy('level', of('tokligence_queue_depth')), legend: 'P{{level}}' }],
    },
    {
      title: 'Requests per second, by level',
      says: 'However they ended; without a level, those that were refused before theirs was known.',
      unit: 'reqps',
      queries: [{ expr: perSecond('tokligence_requests_total', 'level'), legend: 'P{{level}}' }],
    },
    {
      title: 'Refusals per second, by reason',
      says: 'queue_full, queue_timeout and tenant_limit are the lanes at work; the others are faults of clients or of this side.',
      unit: 'reqps',
      queries: [{ expr: perSecond('tokligence_requests_total', 'outcome', refusals), legend: '{{outcome}}' }],
    },
  ],
};

const seats: Row = {
  title: 'Seats',
  panels: [
    {
      title: 'Seats of each pool',
      says: 'There are, are taken, and would be taken if there were any number (what an autoscaler goes by).',
      unit: 'short',
      queries: [
        { expr: sumBy('provider', of('tokligence_seats')), legend: '{{provider}}: there are' },
        { expr: sumBy('provider', of('tokligence_seats_in_use')), legend: '{{provider}}: taken' },
        { expr: sumBy('pool', of('tokligence_seats_wanted')), legend: '{{pool}}: wanted' },
      ],
    },
    {
      title: 'Seats wanted, by level',
      says: 'Running requests, and those that wait for nothing but a seat.',
      unit: 'short',
      queries: [{ expr: sumBy('level', of('tokligence_seats_wanted')), legend: 'P{{level}}' }],
    },
    {
      title: 'Tokens per second',
      says: 'Input with what the upstream had cached, and output.',
      unit: 'short',
      queries: [
        { expr: perSecond('tokligence_input_tokens_total', 'provider'), legend: '{{provider}}: input' },
        { expr: perSecond('tokligence_cached_input_tokens_total', 'provider'), legend: '{{provider}}: of it cached' },
        { expr: perSecond('tokligence_output_tokens_total', 'provider'), legend: '{{provider}}: output' },
      ],
    },
    {
      title: 'Raised by X-Priority, per second',
      says: 'Requests that took a better level than their own, by the level that they took.',
      unit: 'reqps',
      queries: [{ expr: perSecond('tokligence_raised_requests_total', 'level'), legend: 'to P{{level}}' }],
    },
  ],
};

const tenants: Row = {
  title: 'Tenants (where [telemetry] metrics_tenants names them)',
  panels: [
    {
      title: 'Share served against share entitled',
      says: 'Of its level, in the last minute. A tenant that asks for less than its share is served less; one that has waiting requests should have both alike.',
      unit: 'percentunit',
      queries: [
        {
          expr: sumBy('pool, level, tenant', of('tokligence_tenant_served_share')),
          legend: '{{tenant}} P{{level}}: served',
        },
        {
          expr: sumBy('pool, level, tenant', of('tokligence_tenant_entitled_share')),
          legend: '{{tenant}} P{{level}}: entitled',
        },
      ],
    },
    {
      title: 'Served less than entitled',
      says: 'Entitled minus served; above 0 is less than its share.',
      unit: 'percentunit',
      queries: [
        {
          expr: `${sumBy('pool, level, tenant', of('tokligence_tenant_entitled_share'))} - ${sumBy('pool, level, tenant', of('tokligence_tenant_served_share'))}`,
          legend: '{{tenant}} P{{level}}',
        },
      ],
    },
    {
      title: 'Requests per second, by tenant',
      says: 'However they ended.',
      unit: 'reqps',
      queries: [{ expr: perSecond('tokligence_tenant_requests_total', 'tenant'), legend: '{{tenant}}' }],
    },
    {
      title: 'Tokens per second, by tenant',
      says: 'Input and output.',
      unit: 'short',
      queries: [
        { expr: perSecond('tokligence_tenant_input_tokens_total', 'tenant'), legend: '{{tenant}}: input' },
        { expr: perSecond('tokligence_tenant_output_tokens_total', 'tenant'), legend: '{{tenant}}: output' },
      ],
    },
    {
      title: 'Wait for a seat, by tenant',
      says: 'Of requests that got one, by the chosen quantile; the bounds are 0.01, 0.1, 1, 10 and 60 s.',
      unit: 's',
      queries: [{ expr: quantile('tokligence_tenant_queue_wait_seconds', 'tenant'), legend: '{{tenant}}' }],
    },
  ],
};

const providers: Row = {
  title: 'Providers',
  panels: [
    {
      title: 'Requests per second, by provider and outcome',
      says: 'Of those that were meant for one.',
      unit: 'reqps',
      queries: [
        {
          expr: perSecond('tokligence_requests_total', 'provider, outcome', 'provider!=""'),
          legend: '{{provider}}: {{outcome}}',
        },
      ],
    },
    {
      title: 'Failures of each provider',
      says: 'The part of its requests that it refused, broke off or answered with an error.',
      unit: 'percentunit',
      queries: [
        {
          expr: `${perSecond('tokligence_requests_total', 'provider', failures)} / ${perSecond('tokligence_requests_total', 'provider', 'provider!=""')}`,
          legend: '{{provider}}',
        },
      ],
    },
  ],
};

const endpoints: Row = {
  title: 'Endpoints and routes',
  panels: [
    {
      title: 'Endpoints that get requests',
      says: '1 while an endpoint is up for a gateway; 0 while it is down, probed or drained for at least one of them.',
      unit: 'short',
      queries: [
        {
          expr: `min by (provider, endpoint) (${of('tokligence_endpoint_up')})`,
          legend: '{{provider}} {{endpoint}}',
        },
      ],
    },
    {
      title: 'Seats of each endpoint',
      says: '0 while it is down; fewer than its own while it comes up.',
      unit: 'short',
      queries: [
        {
          expr: `max by (provider, endpoint) (${of('tokligence_endpoint_seats')})`,
          legend: '{{provider}} {{endpoint}}',
        },
      ],
    },
    {
      title: 'Calls per second that failed before an answer',
      says: 'Of each endpoint. Most are made again elsewhere, and no client sees them.',
      unit: 'reqps',
      queries: [
        {
          expr: perSecond('tokligence_endpoint_failures_total', 'provider, endpoint'),
          legend: '{{provider}} {{endpoint}}',
        },
      ],
    },
    {
      title: 'Calls made again per second, by reason',
      says: 'At most a fifth of the requests of a pool, besides those that never connected.',
      unit: 'reqps',
      queries: [
        { expr: perSecond('tokligence_retries_total', 'provider, reason'), legend: '{{provider}}: {{reason}}' },
      ],
    },
    {
      title: 'Spills per second, by level',
      says: 'Requests that went to the next target of their route rather than wait. If they go on for long, the first pool is too small.',
      unit: 'reqps',
      queries: [{ expr: perSecond('tokligence_spills_total', 'provider, level'), legend: '{{provider}}: P{{level}}' }],
    },
  ],
};

const fleet: Row = {
  title: 'Fleet',
  panels: [
    {
      title: 'Members, as each gateway knows them',
      says: 'All lines should be one. The second query counts the conductors: always one.',
      unit: 'short',
      queries: [
        { expr: of('tokligence_fleet_members'), legend: '{{instance}}: members' },
        { expr: sumBy('job', of('tokligence_fleet_conductor')), legend: 'conductors' },
      ],
    },
    {
      title: 'Elections in the last ten minutes',
      says: 'How often the epoch changed; one or two during an upgrade.',
      unit: 'short',
      queries: [{ expr: `changes(${of('tokligence_fleet_epoch')}[10m])`, legend: '{{instance}}' }],
    },
    {
      title: 'There and back to the conductor',
      says: 'Each request of a member waits so long for its seat, at the least.',
      unit: 's',
      queries: [{ expr: of('tokligence_fleet_link_rtt_seconds'), legend: '{{instance}}' }],
    },
    {
      title: 'Workers, and how many were started again',
      says: 'Only where one gateway is several processes.',
      unit: 'short',
      queries: [
        { expr: of('tokligence_workers'), legend: '{{instance}}: workers' },
        {
          expr: `increase(${of('tokligence_worker_restarts_total')}[10m])`,
          legend: '{{instance}}: restarts in 10 min',
        },
      ],
    },
  ],
};

const processes: Row = {
  title: 'Processes',
  panels: [
    {
      title: 'Delay of the event loop',
      says: '99 of 100 turns are less late. Above 0.1 s one core is full.',
      unit: 's',
      queries: [{ expr: of('nodejs_eventloop_lag_p99_seconds'), legend: '{{instance}}' }],
    },
    {
      title: 'Memory',
      says: 'Of the processes, and of JavaScript objects in them.',
      unit: 'bytes',
      queries: [
        { expr: of('process_resident_memory_bytes'), legend: '{{instance}}: process' },
        { expr: of('nodejs_heap_size_used_bytes'), legend: '{{instance}}: heap' },
      ],
    },
    {
      title: 'CPU',
      says: 'Cores in use.',
      unit: 'short',
      queries: [{ expr: rate('process_cpu_seconds_total'), legend: '{{instance}}' }],
    },
    {
      title: 'Connections of clients',
      says: 'Open ones, and how many may be.',
      unit: 'short',
      queries: [
        { expr: of('tokligence_connections'), legend: '{{instance}}: open' },
        { expr: of('tokligence_connections_limit'), legend: '{{instance}}: limit' },
      ],
    },
    {
      title: 'Turned away per second',
      says: 'Keys that are no good, and connections without a place.',
      unit: 'reqps',
      queries: [
        { expr: perSecond('tokligence_refused_keys_total', 'outcome'), legend: 'key: {{outcome}}' },
        { expr: perSecond('tokligence_connections_turned_away_total', 'outcome'), legend: 'connection: {{outcome}}' },
      ],
    },
    {
      title: 'Database',
      says: '1 while it answers; the age of the mappings that serve; reloads that failed; lines of the log that were dropped.',
      unit: 'short',
      queries: [
        { expr: of('tokligence_database_up'), legend: '{{instance}}: answers' },
        { expr: of('tokligence_mapping_snapshot_age_seconds'), legend: '{{instance}}: age of mappings, s' },
        { expr: rate('tokligence_mapping_reloads_total', 'outcome="failed"'), legend: '{{instance}}: failed reloads' },
        { expr: rate('tokligence_log_lines_dropped_total'), legend: '{{instance}}: dropped lines' },
      ],
    },
  ],
};

export const rows: readonly Row[] = [lanes, seats, tenants, providers, endpoints, fleet, processes];

/** All queries of all panels. */
export const queries: readonly Query[] = rows.flatMap(row => row.panels.flatMap(panel => panel.queries));
