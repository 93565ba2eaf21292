import {
  IconAdjustments,
  IconCalendarWeek,
  IconHistory,
  IconKey,
  IconLayoutRows,
  IconRoute,
  IconServer,
  IconTags,
  IconUsers,
} from '@tabler/icons-react';
import { type ComponentType, lazy } from 'react';

/** Every page of the console: where it is, what it is called, and its code, which loads with its first visit. */
export const pages = [
  page('/', 'lanes', 'groupNow', IconLayoutRows, () => import('../pages/lanes.tsx')),
  page('/mappings', 'mappings', 'groupTenants', IconTags, () => import('../pages/mappings.tsx')),
  page('/explain', 'explain', 'groupTenants', IconRoute, () => import('../pages/explain.tsx')),
  page('/schedules', 'schedules', 'groupTenants', IconCalendarWeek, () => import('../pages/schedules.tsx')),
  page('/history', 'history', 'groupTenants', IconHistory, () => import('../pages/history.tsx')),
  page('/users', 'users', 'groupAccess', IconUsers, () => import('../pages/users.tsx')),
  page('/api-keys', 'apiKeys', 'groupAccess', IconKey, () => import('../pages/api-keys.tsx')),
  page('/pools', 'pools', 'groupGateway', IconServer, () => import('../pages/pools.tsx')),
  page('/settings', 'settings', 'groupGateway', IconAdjustments, () => import('../pages/settings.tsx')),
] as const;

export const groups = ['groupNow', 'groupTenants', 'groupAccess', 'groupGateway'] as const;

function page<const Name extends string>(
  path: string,
  name: Name,
  group: (typeof groups)[number],
  icon: typeof IconKey,
  load: () => Promise<{ readonly default: ComponentType }>,
) {
  return { path, name, group, icon, component: lazy(load) };
}
