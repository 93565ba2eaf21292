import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { PoolKey, PoolValue } from '../../api/pools.ts';
import { isLevels, type Unit } from './pool-form-values.ts';

export const policies = ['strict', 'wfq', 'hybrid'] as const;
const isPolicy = (value: unknown): value is (typeof policies)[number] => policies.some(policy => policy === value);

/** One value of a setting as it is read, with its unit. */
export function usePoolValueText(): (key: PoolKey, value: PoolValue, unit?: Unit) => string {
  const { t, i18n } = useTranslation('pools');
  const numbers = new Intl.NumberFormat(i18n.language, { maximumFractionDigits: 3 });
  return (_key, value, unit) => {
    if (value === null) return t('noLimit');
    if (typeof value === 'boolean') return t(value ? 'on' : 'off');
    if (isPolicy(value)) return t(`policy_${value}`);
    if (typeof value === 'number') return withUnit(numbers.format(value), unit, t);
    return isLevels(value) ? value.map(one => numbers.format(one)).join(' ') : String(value);
  };
}

const withUnit = (value: string, unit: Unit | undefined, t: TFunction<'pools'>): string =>
  unit === undefined ? value : t(`unit_${unit}`, { value });
