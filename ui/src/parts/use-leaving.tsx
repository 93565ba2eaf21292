import { Button, Group, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type KeyboardEvent, type ReactNode, type RefObject, useRef } from 'react';
import { useTranslation } from 'react-i18next';

interface Leaving {
  /** Set by the form: unsaved input would be lost. */
  readonly isDirty: RefObject<boolean>;
  /** Leaves, after a confirmation if something would be lost. */
  readonly ask: () => void;
  /** Leaves without a question. */
  readonly leave: () => void;
  /** For the panel that holds the form: closing it asks. */
  readonly panel: {
    readonly onClose: () => void;
    readonly closeOnEscape: false;
    readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  };
  /** The confirmation; it has to be rendered beside the panel. */
  readonly dialog: ReactNode;
}

/** Guards a form with unsaved changes against closing. */
export function useLeaving(onLeave: () => void): Leaving {
  const { t } = useTranslation();
  const isDirty = useRef(false);
  const [isAsking, asking] = useDisclosure();
  const leave = () => {
    asking.close();
    isDirty.current = false;
    onLeave();
  };
  const ask = () => (isDirty.current ? asking.open() : leave());
  // The library's panel listens for Escape on the window, even if it was meant for a dialog above.
  const onKeyDown = ({ key, target }: KeyboardEvent<HTMLElement>) => {
    const isForList = target instanceof Element && target.getAttribute('data-mantine-stop-propagation') === 'true';
    if (key === 'Escape' && !isForList) ask();
  };
  const dialog = (
    <Modal
      opened={isAsking}
      onClose={asking.close}
      title={t('discardAsk')}
      zIndex={300}
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Text>{t('discardText')}</Text>
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={asking.close} data-autofocus>
          {t('keepEditing')}
        </Button>
        <Button color="red" onClick={leave}>
          {t('discard')}
        </Button>
      </Group>
    </Modal>
  );
  return { isDirty, ask, leave, panel: { onClose: ask, closeOnEscape: false, onKeyDown }, dialog };
}
