import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Question {
  readonly title: string;
  readonly text: ReactNode;
  /** The label of the confirming button. */
  readonly action: string;
  readonly onConfirm: () => void;
}

/** Marks the dialog's focused element, so that a panel below does not react to its Escape. */
const ownEscape = { 'data-mantine-stop-propagation': 'true' } as const;

/** Asks before an irreversible action: `[confirm, dialog]`; the dialog has to be rendered. */
export function useConfirm(): readonly [(question: Question) => void, ReactNode] {
  const [question, setQuestion] = useState<Question | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const ask = (asked: Question) => {
    setQuestion(asked);
    setIsOpen(true);
  };
  return [ask, <Dialog key="dialog" question={question} isOpen={isOpen} close={() => setIsOpen(false)} />];
}

interface DialogProps {
  /** Kept while the dialog closes; null before the first question. */
  readonly question: Question | null;
  readonly isOpen: boolean;
  readonly close: () => void;
}

function Dialog({ question, isOpen, close }: DialogProps) {
  const { t } = useTranslation();
  const confirm = () => {
    close();
    question?.onConfirm();
  };
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={question?.title}
      closeOnEscape={false}
      onKeyDown={event => event.key === 'Escape' && close()}
      closeButtonProps={{ 'aria-label': t('close'), ...ownEscape }}
      // Above the panel whose form may have opened it.
      zIndex={300}
    >
      <Stack>
        <Text component="div">{question?.text}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus {...ownEscape}>
            {t('cancel')}
          </Button>
          <Button color="red" {...ownEscape} onClick={confirm}>
            {question?.action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
