import { NumberInput, Select, Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ShownPool } from '../../api/pools.ts';
import { SettingField } from '../../parts/setting-fields.tsx';
import { LevelNumbers } from './level-numbers.tsx';
import type { FormValue, PoolSetting, Typed } from './pool-form-values.ts';
import { policies, shareBys } from './pool-words.tsx';

interface PoolSettingFieldProps {
  readonly setting: PoolSetting;
  readonly pool: ShownPool;
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  readonly onReset: () => void;
  readonly isBusy: boolean;
  readonly error: string | undefined;
}

/** One setting of a pool: its meaning, the source of its value, and its control. */
export function PoolSettingField(props: PoolSettingFieldProps) {
  const { setting, pool, onReset, isBusy } = props;
  const { t } = useTranslation('pools');
  const { key } = setting;
  return (
    <SettingField label={t(key)} hint={t(`hint_${key}`)} source={pool.source[key]} onReset={onReset} isBusy={isBusy}>
      <Control {...props} />
    </SettingField>
  );
}

function Control(props: PoolSettingFieldProps) {
  const { kind } = props.setting;
  if (kind === 'levels') return <Levels {...props} />;
  if (kind === 'policy' || kind === 'sharing') return <Choice {...props} />;
  return kind === 'flag' ? <Flag {...props} /> : <Quantity {...props} />;
}

function Levels({ setting: { key }, pool, value, onChange, error }: PoolSettingFieldProps) {
  const { t } = useTranslation('pools');
  return (
    <LevelNumbers
      label={t(key)}
      value={value as readonly Typed[]}
      onChange={onChange}
      withAll={key === 'queue_timeout_sec' || key === 'max_queue_depth'}
      {...(key === 'cap' ? { placeholder: String(pool.seats) } : {})}
      error={error}
    />
  );
}

function Choice({ setting: { key, kind }, value, onChange, error }: PoolSettingFieldProps) {
  const { t } = useTranslation('pools');
  return (
    <Select
      aria-label={t(key)}
      data={
        kind === 'policy'
          ? policies.map(policy => ({ value: policy, label: t(`policyChoice_${policy}`) }))
          : shareBys.map(shareBy => ({ value: shareBy, label: t(`shareByChoice_${shareBy}`) }))
      }
      value={String(value)}
      onChange={chosen => chosen !== null && onChange(chosen)}
      allowDeselect={false}
      error={error}
    />
  );
}

function Flag({ setting: { key }, value, onChange, error }: PoolSettingFieldProps) {
  const { t } = useTranslation('pools');
  return (
    <Switch
      aria-label={t(key)}
      label={t(value === true ? 'on' : 'off')}
      checked={value === true}
      onChange={event => onChange(event.currentTarget.checked)}
      error={error}
      mt={6}
    />
  );
}

function Quantity({ setting: { key, unit }, value, onChange, error }: PoolSettingFieldProps) {
  const { t } = useTranslation('pools');
  return (
    <NumberInput
      aria-label={t(key)}
      value={value as Typed}
      onChange={onChange}
      placeholder={t('noLimit')}
      {...(unit === undefined ? {} : { suffix: t(`suffix_${unit}`) })}
      thousandSeparator=" "
      hideControls
      error={error}
    />
  );
}
