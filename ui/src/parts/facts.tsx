import { Box, SimpleGrid, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface Fact {
  readonly name: string;
  readonly value: ReactNode;
  readonly hint?: string;
}

/** Names and values side by side. */
export function Facts({ facts, cols = 2 }: { readonly facts: readonly Fact[]; readonly cols?: number }) {
  return (
    <SimpleGrid component="dl" cols={{ base: 1, xs: cols }} spacing="md" verticalSpacing="sm" m={0}>
      {facts.map(({ name, value, hint }) => (
        <Box key={name}>
          <Text component="dt" size="xs" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
            {value}
          </Text>
          {hint !== undefined && (
            <Text component="dd" size="xs" c="dimmed" m={0}>
              {hint}
            </Text>
          )}
        </Box>
      ))}
    </SimpleGrid>
  );
}
