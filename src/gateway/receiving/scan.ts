import type { IncomingHttpHeaders } from 'node:http';
import { errors } from '../../domain/errors.ts';
import type { Operation } from '../operations.ts';
import { BodyScan, type ScannedBody } from './body-scan.ts';
import { FormScan } from './form/form-scan.ts';
import { boundaryIn, isForm } from './form/form-type.ts';

/** Reads the fields of a body that comes in piece by piece. */
export interface Scan {
  push(piece: Buffer): void;
  end(): ScannedBody;
}

/** Returns the scan for the body of a request. Throws a 415 for a form of body that the operation does not take. */
export function scanOf({ takes, needsModel, needsPassthrough }: Operation, headers: IncomingHttpHeaders): Scan {
  const type = headers['content-type'];
  // The first routes have always taken JSON under any name.
  if (!needsPassthrough) return new BodyScan();
  if (takes !== 'json' && isForm(type)) return new FormScan(boundaryIn(type ?? ''), needsModel);
  if (takes !== 'form' && !isForm(type)) return new BodyScan({ needsModel });
  const wanted = takes === 'json' ? 'application/json' : 'multipart/form-data';
  throw errors.unsupportedMediaType(`This route takes ${wanted}, as the Content-Type header must say.`, 'Content-Type');
}
