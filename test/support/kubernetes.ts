/** What `kubectl kustomize` renders, held against the published schemas of its kinds. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

const program = spawnSync('kubectl', ['kustomize', '--help']).status === 0 ? 'kubectl' : null;
/** For `test`: the reason why nothing can be rendered here. */
export const withoutKubectl = program === null && 'no kubectl on this machine';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  /** What it has depends on its kind, and a schema checks it. */
  readonly [field: string]: any;
}

export function rendered(folder: string): KubernetesObject[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map(document => document.toJS());
}

/** The module that has the schemas of a group. */
const moduleOf = (apiVersion: string): string => {
  const path = apiVersion.includes('/')
    ? apiVersion.replace('.k8s.io/', '/').replace('networking/', 'networking.k8s.io/')
    : apiVersion;
  if (apiVersion.startsWith('keda.sh/')) return `@kubernetes-models/keda/${path}`;
  if (apiVersion.startsWith('monitoring.coreos.com/')) return `@kubernetes-models/prometheus-operator/${path}`;
  return `kubernetes-models/${path}`;
};

/** Throws, naming the field, if a value is not what the schema of its kind allows. */
export async function assertSchema(object: KubernetesObject): Promise<void> {
  const models = await import(moduleOf(object.apiVersion));
  const Model = models[object.kind];
  if (Model === undefined) throw new Error(`no schema of ${object.apiVersion} ${object.kind}`);
  new Model(object).validate();
}

/** The schemas allow unknown fields, which Kubernetes would drop; the types that are made of them do not. */
export function unknownFields(objects: readonly KubernetesObject[]): string[] {
  const lines = objects.map(
    (object, at) =>
      `import type { I${object.kind} as T${at} } from '${moduleOf(object.apiVersion)}/${object.kind}';\n` +
      `export const o${at}: T${at} = ${JSON.stringify(object)};`,
  );
  const name = resolve('test/unit/deploy/rendered.ts');
  const options: ts.CompilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: true, types: [] },
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const text = lines.join('\n');
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, text, ts.ScriptTarget.ESNext) : getSourceFile(file, ...rest);
  host.fileExists = file => file === name || fileExists(file);
  host.readFile = file => (file === name ? text : readFile(file));
  return ts
    .getPreEmitDiagnostics(ts.createProgram([name], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
