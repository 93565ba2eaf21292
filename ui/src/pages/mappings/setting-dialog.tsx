import { Button, NumberInput, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Settings, type SettingsPatch, useSaveSettings } from '../../api/settings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormButtons, FormError } from '../../parts/form-foot.tsx';
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
  const { t } = useTranslation('mappings');
  const { t: shell } = useTranslation();
  const [value, setValue] = useState<number | null>(settings[name]);
  const saving = useSaveSettings();
  const errors = formErrors(saving.error, [name], shell);
  const onSuccess = () => {
    tellDone(shell('saved'));
    onClose();
  };
  const save = (patch: SettingsPatch) => saving.mutate(patch, { onSuccess });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save({ [name]: value });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{t(`settingText_${name}`)}</Text>
        <Control name={name} value={value} onChange={setValue} error={errors[name]} />
        <FormError>{errors.form}</FormError>
        <FormButtons
          onCancel={onClose}
          saveLabel={t('changeNow')}
          isSaving={saving.isPending}
          isComplete={value !== null}
        >
          {settings.source[name] === 'database' && (
            <Button variant="subtle" mr="auto" onClick={() => save({ [name]: null })}>
              {t('resetAction')}
            </Button>
          )}
        </FormButtons>
      </Stack>
    </form>
  );
}

interface ControlProps extends Pick<SettingTask, 'name'> {
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
  readonly error: string | undefined;
}

function Control({ name, value, onChange, error }: ControlProps) {
  const { t } = useTranslation('mappings');
  const shared = { label: t(`setting_${name}`), error, 'data-autofocus': true };
  if (name === 'default_priority') return <PrioritySelect {...shared} value={value} onChange={onChange} />;
  return (
    <NumberInput
      {...shared}
      value={value ?? ''}
      onChange={next => onChange(next === '' ? null : Number(next))}
      suffix={t('secondsSuffix')}
      thousandSeparator=" "
    />
  );
}
