import type { FastifyInstance, FastifyReply } from 'fastify';
import { errors } from '../../../domain/errors.ts';
import type { Identities } from '../../../identity/identity.ts';
import type { ImportFile, ImportOptions, Transfer } from '../../../priority/priority.ts';
import { type AdminApp, admins, callerOf, withContract } from '../access.ts';
import { exported, type Imported, imported, importQuery } from '../contract/transfer.ts';

/** The parts of the transfer that these routes use. They throw `invalidRequest` and `conflict` themselves. */
export type TransferService = Pick<Transfer, 'export'> & {
  import(file: ImportFile, options: ImportOptions): Promise<Imported>;
};

const base = '/api-key-priority/mappings';
const config = { roles: admins };
const largestFile = 16 * 2 ** 20;
const yamlTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml', 'text/plain'];
const exporting = {
  config,
  schema: {
    summary: 'All mappings as a file, YAML or JSON',
    answersFile: yamlTypes.slice(0, 1),
    response: { 200: exported },
  },
};
const importing = {
  config,
  bodyLimit: largestFile,
  schema: {
    summary: 'Take in a file of mappings, YAML or JSON: all of it or nothing',
    takesFile: ['application/json', ...yamlTypes],
    querystring: importQuery,
    response: { 200: imported },
  },
};

export function transferRoutes(app: AdminApp, transfer: TransferService, identities: Identities): void {
  app.get(`${base}/export`, exporting, async (request, reply) => {
    void reply.header('cache-control', 'no-store');
    const format = wantsJson(request.headers.accept) ? 'json' : 'yaml';
    return file(reply, format, await transfer.export(format));
  });

  // A room of its own, for bodies here are files.
  void app.register(async scope => {
    takeFiles(scope);
    withContract(scope).post(`${base}/import`, importing, async request => {
      const { dry_run: dryRun = false, prune = false } = request.query;
      const actor = await identities.nameOf(callerOf(request));
      return transfer.import(fileOf(request.body), { dryRun, prune, actor });
    });
  });
}

const file = (reply: FastifyReply, format: ImportFile['format'], text: string) =>
  reply.type(`application/${format}; charset=utf-8`).send(text);

/** JSON only if it is named explicitly. */
const wantsJson = (accept: string | undefined): boolean => accept?.includes('application/json') ?? false;

function takeFiles(app: FastifyInstance): void {
  const take = (format: ImportFile['format']) => async (_request: unknown, bytes: Buffer) => ({ format, bytes });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, take('json'));
  app.addContentTypeParser(yamlTypes, { parseAs: 'buffer' }, take('yaml'));
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async () => {
    throw errors.invalidRequest('Send the file as YAML or JSON: Content-Type: application/yaml or application/json.');
  });
}

function fileOf(sent: unknown): ImportFile {
  const { format, bytes } = (sent ?? {}) as Partial<ImportFile>;
  if (format === undefined || bytes === undefined || bytes.length === 0)
    throw errors.invalidRequest('The body is empty: send the file as YAML or JSON.');
  return { format, bytes };
}
