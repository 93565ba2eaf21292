import { Group, Paper } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { Heading } from './heading.tsx';

interface SectionProps {
  readonly title: ReactNode;
  readonly hint?: ReactNode;
  /** At its right: buttons, badges. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page with its own heading. */
export function Section({ title, hint, aside, children }: SectionProps) {
  const id = useId();
  return (
    <Paper withBorder p="md" component="section" aria-labelledby={id}>
      <Group justify="space-between" align="flex-start" mb="sm" gap="xs">
        <Heading order={2} size="h4" id={id} title={title} hint={hint} />
        {aside}
      </Group>
      {children}
    </Paper>
  );
}
