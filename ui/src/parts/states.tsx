import { Alert, Button, Center, Group, Loader, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconLock } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import { Heading } from './heading.tsx';

/** The gateway's own words, because they name the field and what is allowed. */
export function errorText(error: unknown, t: TFunction): string {
  if (error instanceof ApiError && error.code === 'unreachable') return t('unreachable');
  return error instanceof Error ? error.message : String(error);
}

interface ErrorStateProps {
  readonly error: unknown;
  readonly onRetry?: () => unknown;
}

export function ErrorState({ error, onRetry }: ErrorStateProps) {
  const { t } = useTranslation();
  return (
    <Alert color="red" icon={<IconAlertTriangle />} title={t('failed')} role="alert" m="md">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{errorText(error, t)}</Text>
        {onRetry && (
          <Button size="xs" variant="default" onClick={() => onRetry()}>
            {t('retry')}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

export function LoadingState() {
  const { t } = useTranslation();
  return (
    <Center mih={200}>
      <Loader aria-label={t('loading')} />
    </Center>
  );
}

interface EmptyStateProps {
  readonly text?: string;
  /** The possible actions. */
  readonly children?: ReactNode;
}

export function EmptyState({ text, children }: EmptyStateProps) {
  const { t } = useTranslation();
  return (
    <Stack align="center" gap="sm" py="xl">
      <Text c="dimmed">{text ?? t('nothingHere')}</Text>
      {children}
    </Stack>
  );
}

/** Wraps a page that only the Team edition has. */
export function TeamOnly({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  const { t } = useTranslation();
  const { edition } = useSession();
  if (edition === 'team') return children;
  return (
    <>
      <PageHeader title={title} />
      <Alert icon={<IconLock />} color="blue" title={t('teamOnly')}>
        {t('teamOnlyWhy')}
      </Alert>
    </>
  );
}

interface PageHeaderProps {
  readonly title: string;
  /** A line that explains the page or its state. */
  readonly hint?: ReactNode;
  /** Buttons at its right. */
  readonly children?: ReactNode;
}

export function PageHeader({ title, hint, children }: PageHeaderProps) {
  return (
    <Group justify="space-between" align="flex-start" mb="md" gap="sm">
      <Heading order={1} size="h2" title={title} hint={hint} style={{ flex: '1 1 280px', minWidth: 0 }} />
      <Group gap="xs">{children}</Group>
    </Group>
  );
}
