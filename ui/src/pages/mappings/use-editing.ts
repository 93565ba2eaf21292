import { useSearchParams } from 'wouter';

/** The item in the side panel; it is in the page's address as `edit`, so that other pages can link to it. */
export function useEditing() {
  const [params, setParams] = useSearchParams();
  const asked = params.get('edit');
  const show = (target: string | null) =>
    setParams(
      old => {
        const next = new URLSearchParams(old);
        if (target === null) next.delete('edit');
        else next.set('edit', target);
        return next;
      },
      { replace: true },
    );
  return {
    target: targetOf(asked),
    open: (target: number | 'new') => show(String(target)),
    close: () => show(null),
  };
}

export type EditTarget = number | 'new' | null;

function targetOf(asked: string | null): EditTarget {
  if (asked === 'new') return 'new';
  return asked !== null && /^[1-9]\d{0,9}$/.test(asked) ? Number(asked) : null;
}
