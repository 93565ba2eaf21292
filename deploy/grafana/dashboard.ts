/**
 * The dashboard of Grafana, written as code so that its panels stay alike: `npx node deploy/grafana/dashboard.ts` writes
 * tokligence.json beside this file. A test sees that this was done, and runs each query against a real Prometheus.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Panel, rows } from './panels.ts';

const source = { type: 'prometheus', uid: '$datasource' };
const width = 12;
const height = 8;
const columns = 24;

/** Places the panels of each row below its title, from left to right. */
function placed(): object[] {
  let y = 0;
  let id = 0;
  return rows.flatMap(({ title, panels }) => {
    const heading = {
      id: ++id,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { h: 1, w: columns, x: 0, y },
      panels: [],
    };
    const top = y + 1;
    const shown = panels.map((panel, place) => {
      const gridPos = {
        h: height,
        w: width,
        x: (place * width) % columns,
        y: top + Math.floor((place * width) / columns) * height,
      };
      return shownPanel(++id, panel, gridPos);
    });
    y = top + Math.ceil((panels.length * width) / columns) * height;
    return [heading, ...shown];
  });
}

const shownPanel = (id: number, { title, says, unit, queries: asked }: Panel, gridPos: object): object => ({
  id,
  type: 'timeseries',
  title,
  description: says,
  datasource: source,
  gridPos,
  fieldConfig: {
    defaults: {
      unit,
      ...(unit !== 'percentunit' && { min: 0 }),
      custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10 },
    },
    overrides: [],
  },
  options: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  targets: asked.map(({ expr, legend }, place) => ({
    refId: String.fromCharCode(65 + place),
    datasource: source,
    expr,
    legendFormat: legend,
    range: true,
  })),
});

const labelVariable = (name: string, query: string) => ({
  name,
  label: name,
  type: 'query',
  datasource: source,
  query: { query, refId: name },
  definition: query,
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: '.*',
  current: { text: ['All'], value: ['$__all'] },
});

const option = (value: string) => ({ text: value, value, selected: value === '0.95' });
const variables: readonly object[] = [
  { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
  labelVariable('job', 'label_values(tokligence_database_up, job)'),
  labelVariable('instance', 'label_values(tokligence_database_up{job=~"$job"}, instance)'),
  {
    name: 'quantile',
    label: 'quantile of waits',
    type: 'custom',
    query: '0.5,0.95,0.99',
    options: ['0.5', '0.95', '0.99'].map(option),
    current: { text: '0.95', value: '0.95' },
  },
];

/** The content of tokligence.json. */
export const dashboard = (): string =>
  `${JSON.stringify(
    {
      uid: 'tokligence-gateway',
      title: 'Tokligence Gateway',
      description: 'Lanes, seats, tenants, providers and gateways. Written by deploy/grafana/dashboard.ts.',
      tags: ['tokligence'],
      schemaVersion: 42,
      version: 1,
      editable: true,
      graphTooltip: 1,
      refresh: '30s',
      time: { from: 'now-1h', to: 'now' },
      timezone: 'browser',
      annotations: { list: [] },
      links: [],
      templating: { list: variables },
      panels: placed(),
    },
    null,
    2,
  )}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(fileURLToPath(new URL('tokligence.json', import.meta.url)), dashboard());
}
