import { ActionIcon, type ActionIconProps, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

interface IconButtonProps extends Pick<ActionIconProps, 'color' | 'size' | 'loading'> {
  /** The icon. */
  readonly children: ReactNode;
  /** Names the action and its object for screen readers. */
  readonly label: string;
  /** Names the action under the pointer. */
  readonly hint: string;
  readonly onClick: () => void;
}

/** A button that shows only an icon. */
export const IconButton = ({ children, label, hint, color = 'gray', ...button }: IconButtonProps) => (
  <Tooltip label={hint}>
    <ActionIcon variant="subtle" color={color} aria-label={label} {...button}>
      {children}
    </ActionIcon>
  </Tooltip>
);
