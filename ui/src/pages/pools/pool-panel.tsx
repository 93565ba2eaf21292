import { Alert, Box, SimpleGrid, Stack, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type PoolKey, type ShownPool, useSavePool } from '../../api/pools.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { tellDone } from '../../parts/tell.ts';
import {
  allKeys,
  type FormValue,
  type FormValues,
  groupNames,
  isSame,
  type PoolSetting,
  patchOf,
  settingsOf,
  valueInForm,
  valuesInForm,
} from './pool-form-values.ts';
import { PoolSettingField } from './pool-setting-field.tsx';

interface PoolPanelProps {
  readonly pool: ShownPool;
  readonly onClose: () => void;
}

/** Changes all settings of a pool at run time. */
export function PoolPanel({ pool, onClose }: PoolPanelProps) {
  const { t } = useTranslation('pools');
  const { t: shared } = useTranslation();
  const saving = useSavePool(pool.name);
  // The initial values of the form, so that concurrent changes of other fields are not reverted.
  const [base, setBase] = useState(() => valuesInForm(pool));
  const form = useForm<FormValues>({ initialValues: base });
  const errors = formErrors(saving.error, allKeys, shared);
  const isDirty = allKeys.some(key => !isSame(base[key], form.values[key]));
  const save = (values: FormValues) =>
    saving.mutate(patchOf(base, values, pool.seats), {
      onSuccess: () => {
        tellDone(t('changed', { pool: pool.name }));
        onClose();
      },
    });
  const reset = (setting: PoolSetting) =>
    saving.mutate(
      { [setting.key]: null },
      {
        onSuccess: after => {
          const value = valueInForm(setting, after);
          setBase(old => ({ ...old, [setting.key]: value }));
          set(setting.key, value);
          tellDone(t('resetDone', { setting: t(setting.key) }));
        },
      },
    );
  const set = (key: PoolKey, value: FormValue) => form.setValues(old => ({ ...old, [key]: value }));
  return (
    <FormPanel
      title={t('changeOf', { pool: pool.name })}
      onClose={onClose}
      onSubmit={form.onSubmit(save)}
      error={errors.form}
      failure={saving.error}
      isSaving={saving.isPending}
      isDirty={isDirty}
      saveLabel={shared('save')}
      size="xl"
    >
      <Alert color="blue" icon={<IconInfoCircle />}>
        {t('actsAtOnce')}
      </Alert>
      {groupNames.map(group => (
        <Stack key={group} gap="sm" component="section">
          <Title order={3} size="h5">
            {t(`group_${group}`)}
          </Title>
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg" verticalSpacing="md">
            {settingsOf(group).map(setting => (
              <Box key={setting.key} style={setting.kind === 'levels' ? { gridColumn: '1 / -1' } : {}}>
                <PoolSettingField
                  setting={setting}
                  pool={pool}
                  value={form.values[setting.key]}
                  onChange={value => set(setting.key, value)}
                  onReset={() => reset(setting)}
                  isBusy={saving.isPending}
                  error={errors[setting.key]}
                />
              </Box>
            ))}
          </SimpleGrid>
        </Stack>
      ))}
    </FormPanel>
  );
}
