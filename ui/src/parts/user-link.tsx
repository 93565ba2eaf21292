import { Anchor } from '@mantine/core';
import { Link } from 'wouter';

/** A user by the address that people know it by, leading to it in the list. */
export const UserLink = ({ email }: { readonly email: string }) => (
  <Anchor component={Link} href={`/users?q=${encodeURIComponent(email)}`} size="sm">
    {email}
  </Anchor>
);
