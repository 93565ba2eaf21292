/** Short notices over the page: what an action has done, or why it failed. */
import type { TFunction } from 'i18next';
import { useSyncExternalStore } from 'react';
import { errorText } from './states.tsx';

export interface Notice {
  readonly id: number;
  readonly title?: string;
  readonly message: string;
  readonly color: 'teal' | 'red';
  /** How long it stays without the pointer on it. */
  readonly forMs: number;
}

export const tellDone = (message: string): void => tell({ message, color: 'teal', forMs: 4_000 });

export const tellError = (error: unknown, t: TFunction): void =>
  tell({ title: t('failed'), message: errorText(error, t), color: 'red', forMs: 12_000 });

/** The oldest goes when there are more. */
const most = 5;
let lastId = 0;
let notices: readonly Notice[] = [];
const watchers = new Set<() => void>();

const tell = (notice: Omit<Notice, 'id'>): void => replace([...notices, { ...notice, id: ++lastId }].slice(-most));

export const dismiss = (id: number): void => replace(notices.filter(notice => notice.id !== id));

function replace(next: readonly Notice[]): void {
  notices = next;
  for (const tellAgain of watchers) tellAgain();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export const useNotices = (): readonly Notice[] => useSyncExternalStore(watch, () => notices);
