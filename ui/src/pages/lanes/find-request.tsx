import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAskAgain } from '../../api/requests.ts';
import { looksDrawnHere } from '../../parts/key-like.ts';
import { SidePanel } from '../../parts/side-panel.tsx';
import { FoundRequest } from './found-request.tsx';
import type { RequestSearch } from './request-search.ts';
import { WaitingList } from './waiting-list.tsx';

interface Props {
  readonly search: RequestSearch;
  readonly pools: readonly string[];
}

/** Why does this request wait, and which requests wait longest? Both are polled only while the panel is open. */
export default function FindRequest({ search, pools }: Props) {
  const { t } = useTranslation('lanes');
  // A panel that is mounted open does not know the previous focus, so it is mounted closed and opens at once.
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => setIsOpen(search.isOpen), [search.isOpen]);
  return (
    <SidePanel opened={isOpen} onClose={search.close} title={t('find')} size={640}>
      <Stack gap="lg">
        <Question key={search.id} search={search} />
        {search.id !== '' && <FoundRequest key={search.id} id={search.id} />}
        <WaitingList search={search} pools={pools} />
      </Stack>
    </SidePanel>
  );
}

function Question({ search }: { readonly search: RequestSearch }) {
  const { t } = useTranslation('lanes');
  const { t: shared } = useTranslation();
  const form = useForm({
    mode: 'uncontrolled',
    initialValues: { id: search.id },
    validate: { id: id => (looksDrawnHere(id) ? shared('keyNotSearched') : null) },
  });
  const askAgain = useAskAgain();
  const ask = (id: string) => (id === search.id ? askAgain(id) : search.ask(id));
  return (
    <form onSubmit={form.onSubmit(({ id }) => ask(id.trim()))}>
      <Group align="flex-end" gap="xs" wrap="nowrap">
        <TextInput
          label={t('requestId')}
          description={t('requestIdWhere')}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          flex={1}
          maxLength={128}
          spellCheck={false}
          autoComplete="off"
          data-autofocus
          key={form.key('id')}
          {...form.getInputProps('id')}
          rightSectionWidth={90}
          rightSection={
            <Button type="submit" size="compact-sm" variant="light">
              {t('findIt')}
            </Button>
          }
        />
      </Group>
    </form>
  );
}
