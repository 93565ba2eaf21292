import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

interface Question {
  readonly title: string;
  readonly text: ReactNode;
  /** What the button says that does it. */
  readonly action: string;
  readonly onConfirm: () => void;
}

/** Marks what is focused here: a panel below does not take its Escape for its own. */
const ownEscape = { 'data-mantine-stop-propagation': 'true' } as const;

/** Asks before something that cannot be taken back: `[confirm, dialog]`; the dialog has to be rendered. */
export function useConfirm(): readonly [(question: Question) => void, ReactNode] {
  const { t } = useTranslation();
  const [question, setQuestion] = useState<Question | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const close = () => setIsOpen(false);
  const ask = (asked: Question) => {
    setQuestion(asked);
    setIsOpen(true);
  };
  const dialog = (
    <Modal
      opened={isOpen}
      onClose={close}
      title={question?.title}
      closeOnEscape={false}
      onKeyDown={event => event.key === 'Escape' && close()}
      closeButtonProps={{ 'aria-label': t('close'), ...ownEscape }}
      // Above the panel whose form may have asked.
      zIndex={300}
    >
      <Stack>
        <Text component="div">{question?.text}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus {...ownEscape}>
            {t('cancel')}
          </Button>
          <Button
            color="red"
            {...ownEscape}
            onClick={() => {
              close();
              question?.onConfirm();
            }}
          >
            {question?.action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
  return [ask, dialog];
}
