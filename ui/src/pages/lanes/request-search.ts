import { useSearchParams } from 'wouter';
import type { WaitingFilter } from '../../api/requests.ts';
import { levels } from '../../parts/priority.tsx';

/** The panel that finds requests; what it shows stands in the page's address, so that it can be shared. */
export interface RequestSearch {
  readonly isOpen: boolean;
  /** Empty: none is asked for. */
  readonly id: string;
  readonly filter: WaitingFilter;
  open(filter?: WaitingFilter): void;
  ask(id: string): void;
  setFilter(filter: WaitingFilter): void;
  close(): void;
}

const everything: WaitingFilter = { pool: null, level: null };

export function useRequestSearch(): RequestSearch {
  const [params, setParams] = useSearchParams();
  const id = params.get('request');
  const filter = {
    pool: params.get('pool'),
    level: levels.find(level => String(level) === params.get('level')) ?? null,
  };
  const show = (request: string, { pool, level }: WaitingFilter) => {
    const next = new URLSearchParams({ request });
    if (pool !== null) next.set('pool', pool);
    if (level !== null) next.set('level', String(level));
    setParams(next, { replace: true });
  };
  return {
    isOpen: id !== null,
    id: id ?? '',
    filter,
    open: (wanted = everything) => show('', wanted),
    ask: request => show(request, filter),
    setFilter: wanted => show('', wanted),
    close: () => setParams(new URLSearchParams(), { replace: true }),
  };
}
