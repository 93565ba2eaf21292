import { Stack, type StackProps, Text, Title, type TitleProps } from '@mantine/core';
import type { ReactNode } from 'react';

interface HeadingProps extends Pick<TitleProps, 'order' | 'size' | 'id'>, Pick<StackProps, 'style'> {
  readonly title: ReactNode;
  /** A line below it. */
  readonly hint?: ReactNode;
}

export const Heading = ({ title, hint, style, ...props }: HeadingProps) => (
  <Stack gap={2} style={style}>
    <Title {...props}>{title}</Title>
    {hint !== undefined && (
      <Text size="sm" c="dimmed" component="div">
        {hint}
      </Text>
    )}
  </Stack>
);
