import { apiKeys } from './api-keys.ts';
import { explain } from './explain.ts';
import { gateways } from './gateways.ts';
import { history } from './history.ts';
import { lanes } from './lanes.ts';
import { mappings } from './mappings.ts';
import { pools } from './pools.ts';
import { providers } from './providers.ts';
import { routes } from './routes.ts';
import { schedules } from './schedules.ts';
import { settings } from './settings.ts';
import { shell } from './shell.ts';
import { users } from './users.ts';

export const texts = {
  apiKeys,
  explain,
  gateways,
  history,
  lanes,
  mappings,
  pools,
  providers,
  routes,
  schedules,
  settings,
  shell,
  users,
};
