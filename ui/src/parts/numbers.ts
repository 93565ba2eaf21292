import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

/** Formats numbers in the reader's language. */
export interface Numbers {
  count(value: number): string;
  /** Per second or minute: `0.4`, `12`, `1,250`. */
  rate(value: number): string;
  /** With up to two digits after the point. */
  amount(value: number): string;
  /** With up to three digits after the point, as settings have them. */
  exact(value: number): string;
  /** Of 0…1, without digits after the point. */
  percent(share: number): string;
  /** Of 0…1, with up to one digit after the point. */
  share(share: number): string;
}

export function useNumbers(): Numbers {
  const { i18n } = useTranslation();
  return useMemo(() => numbersIn(i18n.language), [i18n.language]);
}

function numbersIn(language: string): Numbers {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const hundredths = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const thousandths = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  const tenthsOfPercent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  return {
    count: value => whole.format(value),
    rate: value => (value > 0 && value < 9.95 ? tenths : whole).format(value),
    amount: value => hundredths.format(value),
    exact: value => thousandths.format(value),
    percent: share => percent.format(share),
    share: share => tenthsOfPercent.format(share),
  };
}
