import { Text } from '@mantine/core';
import { useNumbers } from '../../parts/numbers.ts';

/** Refusals stand out; none are no news. */
export function Refused({ perMinute }: { readonly perMinute: number }) {
  const { rate } = useNumbers();
  const look = perMinute > 0 ? { className: 'refused', fw: 700 } : { c: 'dimmed' };
  return (
    <Text span inherit {...look}>
      {rate(perMinute)}
    </Text>
  );
}
