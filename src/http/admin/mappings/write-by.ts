import type { FastifyReply, FastifyRequest } from 'fastify';
import { errors } from '../../../domain/errors.ts';
import type { Role } from '../../../domain/vocabulary.ts';
import type { Identities } from '../../../identity/identity.ts';
import { callerOf } from '../access.ts';

/** The writer, and the versions of the row on which the write may be based; without them any version is accepted. */
export interface WriteBy {
  readonly actor: string;
  readonly ifMatch: readonly string[] | undefined;
  readonly role: Role | null;
}

export const writeBy = async (request: FastifyRequest, identities: Identities): Promise<WriteBy> => ({
  ifMatch: ifMatchOf(request.headers['if-match']),
  actor: await identities.nameOf(callerOf(request)),
  role: callerOf(request).role,
});

/** A proxy that compresses answers makes an ETag weak; it names the same version of the row all the same. */
function ifMatchOf(header: string | undefined): string[] | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map(tag => tag.trim().replace(/^W\//, ''));
  if (tags.every(tag => /^"[^"]*"$/.test(tag))) return tags;
  throw errors.invalidRequest(
    'If-Match must be an ETag as the gateway answered it, with its quotes (such as "1234"), several joined by commas, or *.',
    'If-Match',
  );
}

export const withEtag = <Row extends { readonly etag: string }>(reply: FastifyReply, row: Row): FastifyReply =>
  reply.header('etag', row.etag).send(row);
