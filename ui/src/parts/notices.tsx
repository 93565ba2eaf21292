import { Notification, Portal, Stack } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { dismiss, type Notice, useNotices } from './tell.ts';

/** All notices, at the lower right, over panels and dialogs. */
export default function Notices() {
  return (
    <Portal>
      <Stack gap="sm" pos="fixed" bottom={16} right={16} w="min(440px, calc(100vw - 32px))" style={{ zIndex: 400 }}>
        {useNotices().map(notice => (
          <OneNotice key={notice.id} notice={notice} />
        ))}
      </Stack>
    </Portal>
  );
}

function OneNotice({ notice: { id, title, message, color, forMs } }: { readonly notice: Notice }) {
  const { t } = useTranslation();
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(() => dismiss(id), forMs);
    return () => clearTimeout(timer);
  }, [id, forMs, isHeld]);
  return (
    <Notification
      role="alert"
      withBorder
      title={title}
      color={color}
      onClose={() => dismiss(id)}
      closeButtonProps={{ 'aria-label': t('close') }}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
    >
      {message}
    </Notification>
  );
}
