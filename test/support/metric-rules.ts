/** The findings of `promtool check metrics` about a scrape, without promtool: the rules of Prometheus' promlint. */

interface Family {
  help: string;
  type: string;
  readonly samples: { readonly name: string; readonly labels: readonly string[] }[];
}

const baseUnits = ['seconds', 'bytes', 'celsius', 'kelvin', 'meters', 'grams', 'joules', 'volts', 'amperes', 'moles'];
const otherUnits = /^(minutes|hours|days|weeks|bits|fahrenheit|inches|miles|calories|pounds|ounces)$/;
const prefixes = 'pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mebi|giga|gibi|tera|tebi|peta|pebi';
const scaled = new RegExp(`^(?:${prefixes})(?:${baseUnits.join('|')})$`);
const abbreviations = new Set(['s', 'ms', 'us', 'ns', 'sec', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd']);
const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** Returns a line for each fault; none for a scrape that promtool accepts. */
export function metricFaults(scrape: string): string[] {
  return [...familiesIn(scrape)].flatMap(([name, family]) => faultsOf(name, family).map(fault => `${name}: ${fault}`));
}

function familiesIn(scrape: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const family = (name: string): Family => {
    const known = families.get(name) ?? { help: '', type: 'untyped', samples: [] };
    families.set(name, known);
    return known;
  };
  for (const line of scrape.split('\n').filter(text => text !== '')) {
    const [, kind, about = '', said = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind === 'HELP') family(about).help = said;
    else if (kind === 'TYPE') family(about).type = said;
    else if (!line.startsWith('#')) {
      const [, name = '', labels = ''] = /^([^\s{]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      if (name === '') throw new Error(`no line of a scrape: ${line}`);
      const base = name.replace(/_(bucket|count|sum)$/, '');
      const owner = families.get(base)?.type === 'histogram' ? base : name;
      family(owner).samples.push({ name, labels: [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label) });
    }
  }
  return families;
}

function faultsOf(name: string, { help, type, samples }: Family): string[] {
  const parts = name.split('_');
  const isCounter = type === 'counter';
  const labels = samples.flatMap(sample => sample.labels);
  const rules: [boolean, string][] = [
    [help === '', 'no help text'],
    [!types.includes(type), `no type: ${type}`],
    [isCounter && !name.endsWith('_total'), 'a counter should end in _total'],
    [!isCounter && name.endsWith('_total'), 'only a counter should end in _total'],
    [type !== 'histogram' && /_(bucket|count|sum)$/.test(name), 'only a histogram has _bucket, _count and _sum'],
    [type !== 'histogram' && labels.includes('le'), 'only a histogram has a label le'],
    [type !== 'summary' && labels.includes('quantile'), 'only a summary has a label quantile'],
    [types.some(word => parts.includes(word)), 'the type stands in the name'],
    [name.includes(':'), 'a colon is for recording rules'],
    [/[A-Z]/.test(name) || labels.some(label => /[A-Z]/.test(label)), 'names are in snake_case'],
    [parts.some(part => abbreviations.has(part)), 'a unit is abbreviated'],
    [parts.some(part => otherUnits.test(part) || scaled.test(part)), 'the unit is no base unit'],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, fault]) => fault);
}
