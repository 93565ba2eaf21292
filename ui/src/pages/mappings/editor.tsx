import { Button, Drawer, Group, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMapping } from '../../api/mappings.ts';
import { ErrorState, LoadingState } from '../../parts/states.tsx';
import { MappingForm } from './mapping-form.tsx';
import type { EditTarget } from './use-editing.ts';

interface EditorProps {
  readonly target: EditTarget;
  readonly onClose: () => void;
}

/** The side panel in which a mapping is made or changed. */
export function Editor({ target, onClose }: EditorProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const [shown, setShown] = useState(target);
  if (target !== null && target !== shown) setShown(target);
  const isDirty = useRef(false);
  const [isLeaving, leaving] = useDisclosure();
  const leave = () => {
    leaving.close();
    isDirty.current = false;
    onClose();
  };
  const ask = () => (isDirty.current ? leaving.open() : leave());
  return (
    <>
      <Drawer
        opened={target !== null}
        onClose={ask}
        position="right"
        size={620}
        padding="md"
        title={
          <Text fw={600} size="lg" component="span">
            {shown === 'new' ? t('newTitle') : t('editTitle', { id: shown })}
          </Text>
        }
        // Escape belongs to the question while it is asked.
        closeOnEscape={!isLeaving}
        closeButtonProps={{ 'aria-label': t('shell:close') }}
      >
        {shown === 'new' && <MappingForm row={null} isDirty={isDirty} onCancel={ask} onDone={leave} />}
        {typeof shown === 'number' && <Loaded id={shown} isDirty={isDirty} onCancel={ask} onDone={leave} />}
      </Drawer>
      <Modal
        opened={isLeaving}
        onClose={leaving.close}
        title={t('discardAsk')}
        zIndex={300}
        // The Escape that brings the question would take it away again: both listen at the window.
        closeOnEscape={false}
        onKeyDown={event => event.key === 'Escape' && leaving.close()}
        closeButtonProps={{ 'aria-label': t('shell:close') }}
      >
        <Text>{t('discardText')}</Text>
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={leaving.close} data-autofocus>
            {t('keepEditing')}
          </Button>
          <Button color="red" onClick={leave}>
            {t('discard')}
          </Button>
        </Group>
      </Modal>
    </>
  );
}

interface LoadedProps {
  readonly id: number;
  readonly isDirty: { current: boolean };
  readonly onCancel: () => void;
  readonly onDone: () => void;
}

function Loaded({ id, ...rest }: LoadedProps) {
  const query = useMapping(id);
  if (query.isPending) return <LoadingState />;
  if (query.isError) return <ErrorState error={query.error} onRetry={query.refetch} />;
  return <MappingForm key={query.data.id} row={query.data} {...rest} />;
}
