import { useState } from 'react';

/** What a dialog is open for. The task stays while the dialog closes, so that it does not go blank as it fades. */
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
