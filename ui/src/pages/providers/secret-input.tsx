import { PasswordInput, type PasswordInputProps } from '@mantine/core';

/** A key of an upstream: neither the browser nor its password store keeps it. */
export const SecretInput = (props: PasswordInputProps) => (
  <PasswordInput
    autoComplete="new-password"
    spellCheck={false}
    // The library marks only the frame of the input.
    aria-invalid={Boolean(props.error)}
    {...props}
  />
);
