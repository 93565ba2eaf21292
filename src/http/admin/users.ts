import type { Identities } from '../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from './access.ts';
import { newUser, user, userFilter, userList, userPatch } from './contract/contract.ts';
import { rowIdOf } from './validation.ts';

const config = { roles: admins };

export function userRoutes(app: AdminApp, identities: Identities): void {
  app.get(
    '/users',
    { config, schema: { summary: 'List the accounts', querystring: userFilter, response: { 200: userList } } },
    request => {
      const { limit = 100, offset = 0, ...filter } = request.query;
      return identities.listUsers(callerOf(request), filter, { limit, offset });
    },
  );

  app.get('/users/:id', { config, schema: { summary: 'Show an account', response: { 200: user } } }, request =>
    identities.findUser(callerOf(request), rowIdOf(request.params, 'user')),
  );

  app.post(
    '/users',
    { config, schema: { summary: 'Create an account', body: newUser, response: { 201: user } } },
    async (request, reply) => reply.code(201).send(await identities.createUser(callerOf(request), request.body)),
  );

  app.put(
    '/users/:id',
    { config, schema: { summary: 'Change an account', body: userPatch, response: { 200: user } } },
    request => identities.updateUser(callerOf(request), rowIdOf(request.params, 'user'), request.body),
  );
}
