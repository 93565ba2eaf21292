import '@mantine/dates/styles.css';
import 'dayjs/locale/zh-cn';
import { DatesProvider, DateTimePicker, type DateTimePickerProps } from '@mantine/dates';
import { useTranslation } from 'react-i18next';

type MomentPickerProps = Omit<DateTimePickerProps, 'value' | 'onChange' | 'type'> & {
  /** As the API says moments; null is none. */
  readonly value: string | null;
  readonly onChange: (moment: string | null) => void;
};

/** A date and time on the reader's clock. */
export function MomentPicker({ value, onChange, ...props }: MomentPickerProps) {
  const { t, i18n } = useTranslation();
  const isChinese = i18n.language === 'zh';
  return (
    <DatesProvider settings={{ locale: isChinese ? 'zh-cn' : 'en', firstDayOfWeek: 1 }}>
      <DateTimePicker
        valueFormat="YYYY-MM-DD HH:mm"
        clearable
        clearButtonProps={{ 'aria-label': t('clear') }}
        submitButtonProps={{ 'aria-label': t('apply') }}
        timePickerProps={{ hoursInputLabel: t('hours'), minutesInputLabel: t('minutes'), 'aria-label': t('time') }}
        {...props}
        value={value === null ? null : new Date(value)}
        onChange={chosen => onChange(chosen === null ? null : momentOf(chosen))}
      />
    </DatesProvider>
  );
}

/** `2030-01-31 12:00:00` on the reader's clock; a time that the clock leaves out when summer begins is moved past it. */
const momentOf = (local: string): string => new Date(local.replace(' ', 'T')).toISOString();
