/** The bill of materials: a CycloneDX document of all shipped packages, on any platform, from the lock file. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { type Package, readPackages } from './packages.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

interface Document {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

const algorithms = new Map([
  ['sha256', 'SHA-256'],
  ['sha384', 'SHA-384'],
  ['sha512', 'SHA-512'],
]);

/** Returns it as JSON; throws if it does not conform to CycloneDX 1.6. */
export async function makeBill(folder: string): Promise<string> {
  const text = `${JSON.stringify(keepShipped(documentOfAll(folder), readPackages(folder)), null, 2)}\n`;
  const fault = await new JsonStrictValidator(Version.v1dot6).validate(text);
  if (fault !== null) throw new Error(`the document is not valid CycloneDX 1.6: ${JSON.stringify(fault)}`);
  return text;
}

/** Includes the tools: cyclonedx-npm cannot know which of them are built into the console. */
function documentOfAll(folder: string): Document {
  const program = join(folder, 'node_modules/@cyclonedx/cyclonedx-npm/bin/cyclonedx-npm-cli.js');
  const options = ['--package-lock-only', '--flatten-components', '--spec-version', '1.6', '--output-format', 'JSON'];
  // Validated below, in the form that is written.
  const written = execFileSync(process.execPath, [program, ...options, '--no-validate', join(folder, 'package.json')], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(written) as Document;
}

/** Removes the tools, and adds the hashes by which npm identifies packages. */
function keepShipped(all: Document, packages: readonly Package[]): Document {
  const shipped = new Map(packages.filter(each => each.isShipped).map(each => [each.path, each]));
  const components = all.components.flatMap(component => {
    const found = shipped.get(component.properties?.find(({ name }) => name === 'cdx:npm:package:path')?.value ?? '');
    // npm lists a package that is built into the console as a tool only.
    const properties = component.properties?.filter(({ name }) => name !== 'cdx:npm:package:development') ?? [];
    return found === undefined ? [] : [{ ...component, properties, hashes: hashesOf(found) }];
  });
  if (components.length !== shipped.size)
    throw new Error(`${components.length} of ${shipped.size} shipped packages are in it`);
  const kept = new Set([all.metadata.component['bom-ref'], ...components.map(each => each['bom-ref'])]);
  const dependencies = all.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter(each => kept.has(each)) }));
  return { ...all, components, dependencies };
}

function hashesOf({ integrity }: Package): { alg: string; content: string }[] {
  return (integrity ?? '').split(' ').flatMap(each => {
    const [name = '', base64 = ''] = each.split(/-(.*)/s);
    const alg = algorithms.get(name);
    return alg === undefined ? [] : [{ alg, content: Buffer.from(base64, 'base64').toString('hex') }];
  });
}
