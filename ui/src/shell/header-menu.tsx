import { ActionIcon, Menu } from '@mantine/core';
import type { ReactNode } from 'react';

interface HeaderMenuProps {
  /** The label of its button. */
  readonly label: string;
  readonly icon: ReactNode;
  readonly children: ReactNode;
}

/** A menu behind an icon at the right of the header. */
export const HeaderMenu = ({ label, icon, children }: HeaderMenuProps) => (
  <Menu position="bottom-end">
    <Menu.Target>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={label}>
        {icon}
      </ActionIcon>
    </Menu.Target>
    <Menu.Dropdown>{children}</Menu.Dropdown>
  </Menu>
);
