import { Drawer, Text } from '@mantine/core';
import { type RefObject, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMapping } from '../../api/mappings.ts';
import { ErrorState, LoadingState } from '../../parts/states.tsx';
import { useLeaving } from '../../parts/use-leaving.tsx';
import { MappingForm } from './mapping-form.tsx';
import type { EditTarget } from './use-editing.ts';

interface EditorProps {
  readonly target: EditTarget;
  readonly onClose: () => void;
}

/** The side panel in which a mapping is created or changed. */
export function Editor({ target, onClose }: EditorProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const [shown, setShown] = useState(target);
  if (target !== null && target !== shown) setShown(target);
  const { isDirty, ask, leave, panel, dialog } = useLeaving(onClose);
  return (
    <>
      <Drawer
        opened={target !== null}
        {...panel}
        position="right"
        size={620}
        padding="md"
        title={
          <Text fw={600} size="lg" component="span">
            {shown === 'new' ? t('newTitle') : t('editTitle', { id: shown })}
          </Text>
        }
        closeButtonProps={{ 'aria-label': t('shell:close') }}
      >
        {shown === 'new' && <MappingForm row={null} isDirty={isDirty} onCancel={ask} onDone={leave} />}
        {typeof shown === 'number' && <Loaded id={shown} isDirty={isDirty} onCancel={ask} onDone={leave} />}
      </Drawer>
      {dialog}
    </>
  );
}

interface LoadedProps {
  readonly id: number;
  readonly isDirty: RefObject<boolean>;
  readonly onCancel: () => void;
  readonly onDone: () => void;
}

function Loaded({ id, ...rest }: LoadedProps) {
  const query = useMapping(id);
  if (query.isPending) return <LoadingState />;
  if (query.isError) return <ErrorState error={query.error} onRetry={query.refetch} />;
  return <MappingForm key={query.data.id} row={query.data} {...rest} />;
}
