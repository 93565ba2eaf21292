import { useState } from 'react';

/**
 * The subject of an open dialog. It is kept while the dialog closes, so that the dialog does not become empty as it
 * fades.
 */
export interface Task<T> {
  readonly subject: T | null;
  readonly isOpen: boolean;
  open(subject: T): void;
  close(): void;
}

export function useTask<T>(): Task<T> {
  const [subject, setSubject] = useState<T | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  return {
    subject,
    isOpen,
    open: next => {
      setSubject(next);
      setIsOpen(true);
    },
    close: () => setIsOpen(false),
  };
}
