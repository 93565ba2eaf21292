// Who may import whom. Each rule's comment says what to do instead.
const only = path => ({ path });
// No I/O, no timers, no promises.
const pure = 'scheduler|priority/(matching|analysis)|schedules|json|upstreams/metering|fleet/reign';
// The two sides of the seam gateway/pool/desk.ts, which may be in different processes.
const clientSide = 'dispatcher|pool-ticket|ticket|net';
const poolSide = 'pool-desk|seating|admission|view/(pool-view|shown-share)|level-counts|hand-offs|handover';
/** Rules for the rooms of a feature, the lowest first: none imports one that stands above it. */
const orderOf = (feature, rooms) =>
  rooms.slice(0, -1).map((room, at) => ({
    name: `${feature}-${room}-is-below-${rooms[at + 1]}`,
    comment: 'Move what both need into the lower room, or pass it in as an argument.',
    severity: 'error',
    from: only(`^src/${feature}/${room}/`),
    to: only(`^src/${feature}/(${rooms.slice(at + 1).join('|')})/`),
  }));
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Move what both need into the lower of the two, or pass it in as an argument.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'Delete the file, or import it where it is used.',
      severity: 'error',
      from: { orphan: true, path: '^src', pathNot: '^src/(gatewayd|cli/[^/]+)\\.ts$' },
      to: {},
    },
    {
      name: 'domain-imports-nothing',
      comment:
        'domain/ is the vocabulary everybody shares: no I/O, no other room, and of libraries only the one that spells shapes.',
      severity: 'error',
      from: only('^src/domain'),
      to: { pathNot: '^(src/domain|node_modules/typebox/)' },
    },
    {
      name: 'pure-core',
      comment:
        'The scheduler, the matching and the analysis decide; they are handed the time and do no I/O. Do it in the dispatcher or in priority/serving/. Types may come from anywhere.',
      severity: 'error',
      from: only(`^src/(${pure})/`),
      to: {
        pathNot: `^(src/(domain|${pure})/|node_modules/re2js/|node:(crypto|buffer)$|(crypto|buffer)$)`,
        dependencyTypesNot: ['type-only'],
      },
    },
    ...orderOf('priority', ['matching', 'rows', 'serving', 'asking', 'transfer']),
    ...orderOf('priority', ['matching', 'analysis', 'serving']),
    ...orderOf('scheduler', ['capacity', 'flows', 'closures', 'queue']),
    {
      name: 'only-the-desk-meets-the-scheduler',
      comment: 'Ask a desk (gateway/pool/desk.ts) for seats, and the view of a pool for what is to be told of it.',
      severity: 'error',
      from: { path: '^src', pathNot: `^src/(scheduler/|app\\.ts$|gateway/pool/(guest|${poolSide})\\.ts$)` },
      to: only('^src/scheduler'),
    },
    {
      name: 'carriers-of-requests-know-any-desk',
      comment: 'The pool may be in another process: say it by gateway/pool/desk.ts. Types may come from anywhere.',
      severity: 'error',
      from: only(`^src/gateway/pool/(${clientSide})\\.ts$`),
      to: { path: `^src/gateway/pool/(${poolSide})\\.ts$`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the-desk-knows-any-guest',
      comment: 'Guests may come from another process: tell them by gateway/pool/desk.ts.',
      severity: 'error',
      from: only(`^src/gateway/pool/(desk|guest|${poolSide})\\.ts$`),
      to: only(`^src/gateway/pool/(${clientSide})\\.ts$`),
    },
    {
      name: 'the-link-carries-messages-only',
      comment:
        'What a message means is decided by whoever is handed it; the link knows their bounds, and types of fleet/reign/.',
      severity: 'error',
      from: only('^src/fleet/(link|messages)/'),
      to: { path: '^src/', pathNot: '^src/(domain|fleet/(link|messages))/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'fleet-stands-beside-the-features',
      comment: 'A fleet decides who conducts, and carries messages; what they do to a pool is wired where the pool is.',
      severity: 'error',
      from: only('^src/fleet/'),
      to: only(
        '^src/(identity|priority|upstreams|pool-settings|history|scheduler|gateway|http|cli|app|stop|edition|daemon)',
      ),
    },
    {
      name: 'requests-know-no-fleet',
      comment:
        'A request asks a desk (gateway/pool/desk.ts), whoever grants its seat; gateway/fleet/ stands behind it.',
      severity: 'error',
      from: { path: '^src/gateway/', pathNot: '^src/gateway/fleet/' },
      to: only('^src/(fleet|gateway/fleet)/'),
    },
    {
      name: 'the-reign-knows-no-link',
      comment: 'fleet/reign/ decides; fleet/fleet.ts carries out what it answers.',
      severity: 'error',
      from: only('^src/fleet/reign/'),
      to: { path: '^src/fleet/', pathNot: '^src/fleet/reign/' },
    },
    {
      name: 'features-do-not-know-each-other',
      comment: 'Features meet in gateway/ or in app.ts: pass what is needed as an argument.',
      severity: 'error',
      from: { path: '^src/(identity|priority|upstreams|pool-settings|history|providers)/' },
      to: { path: '^src/(identity|priority|upstreams|pool-settings|history|gateway|http|cli)/', pathNot: '^src/$1/' },
    },
    {
      name: 'features-by-the-front-door',
      comment: 'Import the file named like the folder, or move what you need behind it.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/(identity|priority|upstreams|pool-settings|history|providers)/' },
      to: {
        path: '^src/(identity|priority|upstreams|pool-settings|history|providers)/',
        pathNot:
          '^src/(identity/identity|priority/priority|upstreams/upstreams|pool-settings/pool-settings|history/history|providers/providers)\\.ts$',
      },
    },
    {
      name: 'schedules-by-the-front-door',
      comment: 'Import schedules/schedules.ts: rules of time are there for every feature, their parsing is not.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/schedules/' },
      to: { path: '^src/schedules/', pathNot: '^src/schedules/schedules\\.ts$' },
    },
    {
      name: 'infrastructure-knows-no-feature',
      comment: 'config, db, telemetry and observed serve the features and never call them.',
      severity: 'error',
      from: only('^src/(config|db|telemetry|observed)/'),
      to: {
        path: '^src/(identity|priority|upstreams|pool-settings|history|scheduler|gateway|http|cli|app|stop|edition|workers|daemon|gatewayd)',
      },
    },
    {
      name: 'gateway-knows-no-http-server',
      comment: 'gateway/ is called by http/, never the other way round.',
      severity: 'error',
      from: only('^src/gateway/'),
      to: { path: '^src/(http|cli|app|stop|edition|workers|daemon|gatewayd|db|config/config-loader)' },
    },
    {
      name: 'http-knows-no-wiring',
      comment: 'http/ receives what it needs from app.ts; of the database it knows the shape of rows only.',
      severity: 'error',
      from: only('^src/http/'),
      to: {
        path: '^src/(app|stop|edition|workers|daemon|gatewayd|cli|db|scheduler)',
        pathNot: '^src/db/(schema|recorded-tables)\\.ts$',
      },
    },
    {
      name: 'workers-stand-above-all',
      comment:
        'What the processes of a gateway say to each other is wired in workers/; a part hears it by domain/peers.ts.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/(workers/|daemon\\.ts$)' },
      to: only('^src/workers/'),
    },
    {
      name: 'traces-are-loaded-on-demand',
      comment:
        'Where traces are off nothing of them is loaded: import() telemetry/tracing/tracing.ts where they are on, or types.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/telemetry/tracing/' },
      to: {
        path: '^(src/telemetry/tracing/|node_modules/@opentelemetry/)',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'sql-only-in-stores',
      comment: 'Write a store method named for the business act.',
      severity: 'error',
      from: { path: '^src', pathNot: '^src/(db/|.*-store\\.ts$|app\\.ts$|cli/sql\\.ts$)' },
      to: { path: 'node_modules/(pg|kysely)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'commands-know-only-the-contract',
      comment:
        'The commands talk to a gateway over HTTP, maybe of another version: of its rooms they import the types of http/admin/contract/, by `import type`.',
      severity: 'error',
      from: only('^src/cli/gateway/'),
      to: {
        path: '^src/(http|identity|priority|pool-settings|upstreams|scheduler|gateway|app|edition|stop|daemon)',
        pathNot: '^src/http/admin/contract/',
      },
    },
    {
      name: 'commands-import-types-only',
      comment: 'Write `import type`: the contract would bring its schemas and the features into every command.',
      severity: 'error',
      from: only('^src/cli/gateway/'),
      to: { path: '^src/http/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'console-knows-only-the-contract',
      comment:
        'The console runs in a browser: of the gateway it imports the types of http/admin/contract/ and nothing that runs.',
      severity: 'error',
      from: only('^ui/'),
      to: { path: '^(src|test|bench|supply)/', pathNot: '^src/http/admin/contract/' },
    },
    {
      name: 'console-imports-types-only',
      comment: 'Write `import type`: the contract would bring its schemas into the browser.',
      severity: 'error',
      from: only('^ui/'),
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'src-knows-no-console',
      comment: 'http/console.ts serves what was built of it, by its folder.',
      severity: 'error',
      from: only('^src'),
      to: only('^ui/'),
    },
    {
      name: 'src-knows-no-tests',
      comment: 'Move it into src, or keep it out.',
      severity: 'error',
      from: only('^src'),
      to: { path: '^(test|bench|supply)' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
