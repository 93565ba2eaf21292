import { Alert, Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Settings, type SettingsPatch, useSaveSettings } from '../../api/settings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { tellDone } from '../../parts/tell.ts';
import { TaskDialog } from './task-dialog.tsx';
import type { Task } from './use-task.ts';

export interface SettingTask {
  readonly name: 'default_priority' | 'cache_ttl_sec';
  readonly settings: Settings;
}

/** Changes one setting, or deletes the stored value. */
export function SettingDialog({ task }: { readonly task: Task<SettingTask> }) {
  const { t } = useTranslation('mappings');
  return (
    <TaskDialog task={task} title={({ name }) => t(`setting_${name}`)}>
      {setting => <SettingForm {...setting} onClose={task.close} />}
    </TaskDialog>
  );
}

function SettingForm({ name, settings, onClose }: SettingTask & { readonly onClose: () => void }) {
  const { t } = useTranslation(['mappings', 'shell']);
  const { t: shell } = useTranslation();
  const [value, setValue] = useState<number | null>(settings[name]);
  const saving = useSaveSettings();
  const errors = formErrors(saving.error, [name], shell);
  const save = (patch: SettingsPatch) =>
    saving.mutate(patch, {
      onSuccess: () => {
        tellDone(t('shell:saved'));
        onClose();
      },
    });
  const shared = { label: t(`setting_${name}`), error: errors[name], 'data-autofocus': true };
  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        save({ [name]: value });
      }}
    >
      <Stack>
        <Text size="sm">{t(`settingText_${name}`)}</Text>
        {name === 'default_priority' ? (
          <PrioritySelect {...shared} value={value} onChange={setValue} />
        ) : (
          <NumberInput
            {...shared}
            value={value ?? ''}
            onChange={next => setValue(next === '' ? null : Number(next))}
            suffix={t('secondsSuffix')}
            thousandSeparator=" "
          />
        )}
        {errors.form !== undefined && <Alert color="red">{errors.form}</Alert>}
        <Group justify="flex-end">
          {settings.source[name] === 'database' && (
            <Button variant="subtle" mr="auto" onClick={() => save({ [name]: null })}>
              {t('resetAction')}
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            {t('shell:cancel')}
          </Button>
          <Button type="submit" loading={saving.isPending} disabled={value === null}>
            {t('changeNow')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
