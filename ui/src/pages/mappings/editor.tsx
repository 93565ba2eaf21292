import { Text } from '@mantine/core';
import { type RefObject, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMapping } from '../../api/mappings.ts';
import { SidePanel } from '../../parts/side-panel.tsx';
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
  const { t } = useTranslation('mappings');
  const [shown, setShown] = useState(target);
  if (target !== null && target !== shown) setShown(target);
  const { isDirty, ask, leave, panel, dialog } = useLeaving(onClose);
  return (
    <>
      <SidePanel
        opened={target !== null}
        {...panel}
        size={620}
        padding="md"
        title={
          <Text fw={600} size="lg" component="span">
            {shown === 'new' ? t('newTitle') : t('editTitle', { id: shown })}
          </Text>
        }
      >
        {shown === 'new' && <MappingForm row={null} isDirty={isDirty} onCancel={ask} onDone={leave} />}
        {typeof shown === 'number' && <Loaded id={shown} isDirty={isDirty} onCancel={ask} onDone={leave} />}
      </SidePanel>
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
