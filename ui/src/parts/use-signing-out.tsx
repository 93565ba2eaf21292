import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { forgetSession } from '../api/query-client.ts';
import { signOut, signOutEverywhere, useSession } from '../api/session.ts';
import { useConfirm } from './confirm.tsx';
import { tellError } from './tell.ts';

interface SigningOut {
  readonly here: () => void;
  /** Asks first. */
  readonly everywhere: () => void;
  readonly isPending: boolean;
  /** The confirmation; it has to be rendered. */
  readonly dialog: ReactNode;
}

export function useSigningOut(): SigningOut {
  const { t } = useTranslation();
  const { email } = useSession().user;
  const queries = useQueryClient();
  const [confirm, dialog] = useConfirm();
  const { mutate, isPending } = useMutation({
    mutationFn: (leave: () => Promise<unknown>) => leave(),
    onSuccess: () => forgetSession(queries),
    onError: error => tellError(error, t),
  });
  const everywhere = () =>
    confirm({
      title: t('signOutEverywhere'),
      text: t('signOutEverywhereAsk', { email }),
      action: t('signOutEverywhere'),
      onConfirm: () => mutate(signOutEverywhere),
    });
  return { here: () => mutate(signOut), everywhere, isPending, dialog };
}
