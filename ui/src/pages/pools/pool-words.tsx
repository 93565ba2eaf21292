import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import type { PoolValue } from '../../api/pools.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { isLevels, type Unit } from './pool-form-values.ts';

export const policies = ['strict', 'wfq', 'hybrid'] as const;
export const shareBys = ['level', 'tenant'] as const;
const isShareBy = (value: unknown): value is (typeof shareBys)[number] => shareBys.some(one => one === value);
const isPolicy = (value: unknown): value is (typeof policies)[number] => policies.some(policy => policy === value);

/** Formats a value of a setting with its unit. */
export function usePoolValueText(): (value: PoolValue, unit?: Unit) => string {
  const { t } = useTranslation('pools');
  const { exact } = useNumbers();
  return (value, unit) => {
    if (value === null) return t('noLimit');
    if (typeof value === 'boolean') return t(value ? 'on' : 'off');
    if (isPolicy(value)) return t(`policy_${value}`);
    if (isShareBy(value)) return t(`shareBy_${value}`);
    if (typeof value === 'number') return withUnit(exact(value), unit, t);
    return isLevels(value) ? value.map(exact).join(' ') : String(value);
  };
}

const withUnit = (value: string, unit: Unit | undefined, t: TFunction<'pools'>): string =>
  unit === undefined ? value : t(`unit_${unit}`, { value });
