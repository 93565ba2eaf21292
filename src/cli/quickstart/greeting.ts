import { relative } from 'node:path';
import { styleText } from 'node:util';
import { commandLine } from '../command-line.ts';
import { textTable } from '../table.ts';
import type { TenantKey } from './setup.ts';

export interface Greeting {
  readonly url: string;
  readonly seats: number;
  readonly startSeconds: number;
  readonly adminKey: string;
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly keysFile: string;
  /** Whether the program `sql` finds the database without options. */
  readonly isUsualDatabase: boolean;
  readonly tenantKeys: readonly TenantKey[];
  /** The mapping whose level the examples change; null if it was deleted. */
  readonly exampleMapping: number | null;
  /** Mapping may have been switched off. */
  readonly isMapping: boolean;
}

/** The tenant whose level the examples change. */
export const exampleTenant = 'dept-analytics';

/**
 * The greeting of a newcomer: what runs, the keys of all tenants, what to try. At most 80 columns except for keys and
 * URLs.
 */
export function greeting(facts: Greeting): string {
  return [whatRuns(facts), whoseKeys(facts), whatToTry(facts), howToStop(facts)].flat().join('\n');
}

const bold = (text: string) => styleText('bold', text);

function whatRuns({ url, seats, startSeconds, adminKey, databaseUrl, keysFile }: Greeting): string[] {
  return [
    '',
    bold(`Tokligence Gateway is ready at ${url}`),
    `Team edition, a built-in model with ${seats} seats, started in ${startSeconds.toFixed(1)} s`,
    '',
    `  Console    ${url}/console/ (sign in with the admin key)`,
    `  Admin key  ${adminKey}`,
    `  Database   ${databaseUrl}`,
    `  Keys file  ${shortPath(keysFile)}`,
    '',
  ];
}

function whoseKeys({ tenantKeys }: Greeting): string[] {
  const rows = tenantKeys.map(({ tenant, key, level }) => [level === null ? 'off' : `P${level}`, tenant.id, key]);
  const [head = '', ...lines] = textTable([{ title: 'level' }, { title: 'tenant' }, { title: 'key' }], rows);
  return [bold(head), ...lines, ''];
}

function whatToTry(facts: Greeting): string[] {
  const { url, adminKey, databaseUrl, tenantKeys, isUsualDatabase, exampleMapping } = facts;
  const keyOf = (id: string) => tenantKeys.find(({ tenant }) => tenant.id === id)?.key ?? '';
  const update = `"UPDATE api_key_priority_mappings SET priority = 1 WHERE tenant_id = '${exampleTenant}'"`;
  return [
    bold('To try it, open another terminal and paste'),
    `  GW=${url}`,
    `  ADMIN=${adminKey}`,
    `  PROD=${keyOf('dept-prod')}`,
    `  ANALYTICS=${keyOf(exampleTenant)}`,
    `  DB='${databaseUrl}'`,
    '',
    ...(facts.isMapping ? [] : switchOn),
    bold('A chat: the header X-Tokligence-Priority of the answer tells the level'),
    ...chat('$PROD'),
    '',
    bold('The same at a level of your choice, here P5'),
    ...chat('$PROD', `-H 'X-Priority: 5'`),
    '',
    bold(`Move ${exampleTenant} to P1: the very next request is in the new lane`),
    ...(exampleMapping === null
      ? []
      : [`  curl -X PUT $GW/admin/api-key-priority/mappings/${exampleMapping} \\`, ...asAdmin]),
    ...chat('$ANALYTICS'),
    '',
    bold('or in the database, with psql or without'),
    '  psql "$DB" -c \\',
    `    ${update}`,
    `  ${commandLine('sql', isUsualDatabase ? '\\' : '--url "$DB" \\')}`,
    `    ${update}`,
    '',
    bold('Who runs and who waits, level by level'),
    '  curl $GW/admin/scheduler/stats -H "Authorization: Bearer $ADMIN"',
    '',
    bold('All eight tenants at once, for 20 seconds'),
    `  ${commandLine('quickstart', '--demo')}`,
    '',
  ];
}

const switchOn = [
  bold('Mapping is switched off, so that every key has the default level; to switch it on'),
  '  curl -X PUT $GW/admin/api-key-priority/config -H "Authorization: Bearer $ADMIN" \\',
  `    -H 'Content-Type: application/json' -d '{"enabled":true}'`,
  '',
];

const asAdmin = [
  '    -H "Authorization: Bearer $ADMIN" \\',
  `    -H 'Content-Type: application/json' -d '{"priority":1}'`,
];

const chat = (key: string, header?: string): string[] => [
  `  curl -i $GW/v1/chat/completions -H "Authorization: Bearer ${key}" \\`,
  `    -H 'Content-Type: application/json' ${header === undefined ? '' : `${header} `}\\`,
  `    -d '{"model":"loopback","messages":[{"role":"user","content":"Hello"}]}'`,
];

const howToStop = ({ dataDir }: Greeting): string[] => [
  `Ctrl-C stops the gateway and its database; everything stays in ${shortPath(dataDir)}`,
];

/** Returns a relative path if it is shorter. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') ? path : `./${near}`;
}
