import { errors, GatewayError } from '../domain/errors.ts';
import type { Route, Upstreams } from '../upstreams/upstreams.ts';
import type { Operation } from './operations.ts';

/**
 * Returns the targets of a request that take its operation. Throws `model_not_found`, or `invalid_request` where no model is
 * named and nobody takes requests without one.
 */
export function routeOfRequest(upstreams: Upstreams, operation: Operation, model: string): Route {
  const route = model === '' ? routeWithoutModel(upstreams, operation) : upstreams.resolve(operation.dialect, model);
  if (!operation.needsPassthrough) return route;
  const [first, ...others] = route.targets.filter(({ provider }) => provider.passthrough);
  if (first === undefined) throw notTaken(operation);
  return { ...route, targets: [first, ...others] };
}

/** The empty name matches `*` alone: such a provider serves what the vendor takes when nothing is named. */
function routeWithoutModel(upstreams: Upstreams, { dialect }: Operation): Route {
  try {
    return upstreams.resolve(dialect, '');
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'model_not_found') throw error;
    throw errors.invalidRequest(
      'The field `model` is missing, and no provider serves all models (`models = *`), whose default could be taken.',
      'model',
    );
  }
}

export const notTaken = ({ method, path }: Operation): GatewayError =>
  errors.modelNotFound(`The provider of this model does not take ${method} ${path} (passthrough = off).`);
