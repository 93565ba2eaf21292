import { Alert, Box, SimpleGrid, Stack, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconInfoCircle } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
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
  const { form, set, save, reset, isDirty, saving } = usePoolForm(pool, onClose);
  const errors = formErrors(saving.error, allKeys, shared);
  const fieldOf = (setting: PoolSetting) => (
    <PoolSettingField
      setting={setting}
      pool={pool}
      value={form.values[setting.key]}
      onChange={value => set(setting.key, value)}
      onReset={() => reset(setting)}
      isBusy={saving.isPending}
      error={errors[setting.key]}
    />
  );
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
        <SettingGroup key={group} group={group} fieldOf={fieldOf} />
      ))}
    </FormPanel>
  );
}

interface SettingGroupProps {
  readonly group: (typeof groupNames)[number];
  readonly fieldOf: (setting: PoolSetting) => ReactNode;
}

function SettingGroup({ group, fieldOf }: SettingGroupProps) {
  const { t } = useTranslation('pools');
  return (
    <Stack gap="sm" component="section">
      <Title order={3} size="h5">
        {t(`group_${group}`)}
      </Title>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg" verticalSpacing="md">
        {settingsOf(group).map(setting => (
          <Box key={setting.key} style={setting.kind === 'levels' ? { gridColumn: '1 / -1' } : {}}>
            {fieldOf(setting)}
          </Box>
        ))}
      </SimpleGrid>
    </Stack>
  );
}

function usePoolForm(pool: ShownPool, onClose: () => void) {
  const { t } = useTranslation('pools');
  const saving = useSavePool(pool.name);
  // The initial values of the form, so that concurrent changes of other fields are not reverted.
  const [base, setBase] = useState(() => valuesInForm(pool));
  const form = useForm<FormValues>({ initialValues: base });
  const set = (key: PoolKey, value: FormValue) => form.setValues(old => ({ ...old, [key]: value }));
  const save = (values: FormValues) =>
    saving.mutate(patchOf(base, values, pool.seats), {
      onSuccess: () => {
        tellDone(t('changed', { pool: pool.name }));
        onClose();
      },
    });
  const reset = (setting: PoolSetting) => {
    const { key } = setting;
    const onSuccess = (after: ShownPool) => {
      const value = valueInForm(setting, after);
      setBase(old => ({ ...old, [key]: value }));
      set(key, value);
      tellDone(t('resetDone', { setting: t(key) }));
    };
    saving.mutate({ [key]: null }, { onSuccess });
  };
  return { form, set, save, reset, saving, isDirty: allKeys.some(key => !isSame(base[key], form.values[key])) };
}
