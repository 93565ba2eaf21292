import { Anchor, AppShell, Badge, Burger, Group, NavLink, ScrollArea, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Suspense, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Route, Switch, useLocation } from 'wouter';
import { useSession } from '../api/session.ts';
import { LoadingState, PageHeader } from '../parts/states.tsx';
import { Account } from './account.tsx';
import { PageBoundary } from './page-boundary.tsx';
import { groups, pages } from './pages.ts';
import { Preferences } from './preferences.tsx';

/** The frame around every page: header, list of pages, content. */
export function Shell() {
  const { t } = useTranslation();
  const [isNavigating, navigation] = useDisclosure();
  const [path] = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a phone, the list gives way to the page that was chosen
  useEffect(navigation.close, [path]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: 'sm', collapsed: { mobile: !isNavigating } }}
      padding="md"
    >
      <Anchor href="#content" className="skip-to-content">
        {t('skipToContent')}
      </Anchor>
      <AppShell.Header>
        <Header isNavigating={isNavigating} onNavigate={navigation.toggle} />
      </AppShell.Header>
      <AppShell.Navbar aria-label={t('navigation')}>
        <ScrollArea type="auto">
          <Navigation path={path} />
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <PageBoundary key={path}>
          <Suspense fallback={<LoadingState />}>
            <Pages />
          </Suspense>
        </PageBoundary>
      </AppShell.Main>
    </AppShell>
  );
}

interface HeaderProps {
  readonly isNavigating: boolean;
  readonly onNavigate: () => void;
}

function Header({ isNavigating, onNavigate }: HeaderProps) {
  const { t } = useTranslation();
  return (
    <Group h="100%" px="md" justify="space-between" wrap="nowrap">
      <Group gap="xs" wrap="nowrap">
        <Burger
          opened={isNavigating}
          onClick={onNavigate}
          hiddenFrom="sm"
          size="sm"
          aria-label={t(isNavigating ? 'closeNavigation' : 'openNavigation')}
        />
        <Text fw={700} truncate>
          {t('product')}
        </Text>
        <EditionBadge />
      </Group>
      <Group gap={4} wrap="nowrap">
        <Preferences />
        <Account />
      </Group>
    </Group>
  );
}

function EditionBadge() {
  const { t } = useTranslation();
  const { edition } = useSession();
  return (
    <Badge variant="default" size="sm" visibleFrom="xs">
      {t(`edition_${edition}`)}
    </Badge>
  );
}

function Navigation({ path }: { readonly path: string }) {
  const { t } = useTranslation(['shell', ...pages.map(page => page.name)]);
  return groups.map(group => (
    <div key={group}>
      <Text size="xs" c="dimmed" fw={600} px="md" pt="md" pb={4}>
        {t(group)}
      </Text>
      {pages
        .filter(page => page.group === group)
        .map(page => (
          <NavLink
            key={page.path}
            component={Link}
            href={page.path}
            active={page.path === path}
            aria-current={page.path === path ? 'page' : undefined}
            label={t(`${page.name}:title`)}
            leftSection={<page.icon size={18} stroke={1.6} />}
          />
        ))}
    </div>
  ));
}

function Pages() {
  const { t } = useTranslation();
  return (
    <Switch>
      {pages.map(({ path, component }) => (
        <Route key={path} path={path} component={component} />
      ))}
      <Route>
        <PageHeader
          title={t('notFound')}
          hint={
            <Anchor component={Link} href="/">
              {t('toLanes')}
            </Anchor>
          }
        />
      </Route>
    </Switch>
  );
}
