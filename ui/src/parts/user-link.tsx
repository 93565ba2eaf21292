import { Anchor } from '@mantine/core';
import { Link } from 'wouter';

/** A link to a user in the list, labelled with the e-mail address. */
export const UserLink = ({ email }: { readonly email: string }) => (
  <Anchor component={Link} href={`/users?q=${encodeURIComponent(email)}`} size="sm">
    {email}
  </Anchor>
);
