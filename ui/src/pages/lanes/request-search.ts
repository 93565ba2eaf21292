import { useCallback } from 'react';
import { useSearchParams } from 'wouter';
import type { WaitingFilter } from '../../api/requests.ts';
import { levels } from '../../parts/priority.tsx';

/** The panel that finds requests; its state is in the page's address, so that it can be shared. */
export interface RequestSearch {
  readonly isOpen: boolean;
  /** Empty: no request is asked for. */
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
  const show = useCallback(
    (request: string, filter: WaitingFilter) => setParams(addressOf(request, filter), { replace: true }),
    [setParams],
  );
  // Every row of every pool holds it, so its identity must not change.
  const open = useCallback((wanted = everything) => show('', wanted), [show]);
  return {
    isOpen: id !== null,
    id: id ?? '',
    filter,
    open,
    ask: request => show(request, filter),
    setFilter: wanted => show('', wanted),
    close: () => setParams(new URLSearchParams(), { replace: true }),
  };
}

function addressOf(request: string, { pool, level }: WaitingFilter): URLSearchParams {
  const params = new URLSearchParams({ request });
  if (pool !== null) params.set('pool', pool);
  if (level !== null) params.set('level', String(level));
  return params;
}
