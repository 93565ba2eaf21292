import {
  IconAdjustments,
  IconAffiliate,
  IconArrowsSplit2,
  IconCalendarWeek,
  IconCloud,
  IconHistory,
  IconKey,
  IconLayoutRows,
  IconRoute,
  IconServer,
  IconTags,
  IconUsers,
} from '@tabler/icons-react';
import { type ComponentType, lazy } from 'react';
import Lanes from '../pages/lanes.tsx';
import { later } from '../parts/later.ts';

/** Every page of the console: its address and its name. The lanes are loaded at once, others at their first visit. */
export const pages = [
  page('/', 'lanes', 'groupNow', IconLayoutRows, Lanes),
  page('/mappings', 'mappings', 'groupTenants', IconTags, lazy(later(() => import('../pages/mappings.tsx')))),
  page('/explain', 'explain', 'groupTenants', IconRoute, lazy(later(() => import('../pages/explain.tsx')))),
  page(
    '/schedules',
    'schedules',
    'groupTenants',
    IconCalendarWeek,
    lazy(later(() => import('../pages/schedules.tsx'))),
  ),
  page('/history', 'history', 'groupTenants', IconHistory, lazy(later(() => import('../pages/history.tsx')))),
  page('/users', 'users', 'groupAccess', IconUsers, lazy(later(() => import('../pages/users.tsx')))),
  page('/api-keys', 'apiKeys', 'groupAccess', IconKey, lazy(later(() => import('../pages/api-keys.tsx')))),
  page('/pools', 'pools', 'groupGateway', IconServer, lazy(later(() => import('../pages/pools.tsx')))),
  page('/providers', 'providers', 'groupGateway', IconCloud, lazy(later(() => import('../pages/providers.tsx')))),
  page('/routes', 'routes', 'groupGateway', IconArrowsSplit2, lazy(later(() => import('../pages/routes.tsx')))),
  page('/gateways', 'gateways', 'groupGateway', IconAffiliate, lazy(later(() => import('../pages/gateways.tsx')))),
  page('/settings', 'settings', 'groupGateway', IconAdjustments, lazy(later(() => import('../pages/settings.tsx')))),
] as const;

export const groups = ['groupNow', 'groupTenants', 'groupAccess', 'groupGateway'] as const;

function page<const Name extends string>(
  path: string,
  name: Name,
  group: (typeof groups)[number],
  icon: typeof IconKey,
  component: ComponentType,
) {
  return { path, name, group, icon, component };
}
