import { useNumbers } from '../../parts/numbers.ts';

/** Refusals stand out; zero does not. */
export function Refused({ perMinute }: { readonly perMinute: number }) {
  const { rate } = useNumbers();
  return <span className={perMinute > 0 ? 'refused' : 'quiet'}>{rate(perMinute)}</span>;
}
