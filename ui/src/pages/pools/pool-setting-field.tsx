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

function Control({ setting: { key, kind, unit }, pool, value, onChange, error }: PoolSettingFieldProps) {
  const { t } = useTranslation('pools');
  const label = t(key);
  if (kind === 'levels') {
    return (
      <LevelNumbers
        label={label}
        value={value as readonly Typed[]}
        onChange={onChange}
        withAll={key === 'queue_timeout_sec' || key === 'max_queue_depth'}
        {...(key === 'cap' ? { placeholder: String(pool.seats) } : {})}
        error={error}
      />
    );
  }
  if (kind === 'policy' || kind === 'sharing') {
    return (
      <Select
        aria-label={label}
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
  if (kind === 'flag') {
    return (
      <Switch
        aria-label={label}
        label={t(value === true ? 'on' : 'off')}
        checked={value === true}
        onChange={event => onChange(event.currentTarget.checked)}
        error={error}
        mt={6}
      />
    );
  }
  return (
    <NumberInput
      aria-label={label}
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
