import { DatesProvider, DateTimePicker, type DateTimePickerProps } from '@mantine/dates';
import 'dayjs/locale/zh-cn';
import { useTranslation } from 'react-i18next';

type MomentInputProps = Omit<DateTimePickerProps, 'value' | 'onChange' | 'type'> & {
  /** For example `2030-01-31T12:00:00.000Z`; null: none. */
  readonly value: string | null;
  readonly onChange: (at: string | null) => void;
};

/** Chooses a moment in the browser's local time. */
export function MomentInput({ value, onChange, ...props }: MomentInputProps) {
  const { t, i18n } = useTranslation();
  return (
    <DatesProvider settings={{ locale: i18n.language === 'zh' ? 'zh-cn' : 'en', firstDayOfWeek: 1 }}>
      <DateTimePicker
        valueFormat="YYYY-MM-DD HH:mm"
        clearButtonProps={{ 'aria-label': t('clear') }}
        {...props}
        value={value === null ? null : localText(new Date(value))}
        onChange={text => onChange(text === null ? null : new Date(text.replace(' ', 'T')).toISOString())}
        ariaLabels={{
          previousMonth: t('previousMonth'),
          nextMonth: t('nextMonth'),
          previousYear: t('previousYear'),
          nextYear: t('nextYear'),
          previousDecade: t('previousDecade'),
          nextDecade: t('nextDecade'),
          monthLevelControl: t('chooseMonth'),
          yearLevelControl: t('chooseYear'),
        }}
        timePickerProps={{ hoursInputLabel: t('hours'), minutesInputLabel: t('minutes') }}
        submitButtonProps={{ 'aria-label': t('chooseMoment') }}
      />
    </DatesProvider>
  );
}

/** Returns `2030-01-31 20:00:00` in local time. */
function localText(at: Date): string {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19).replace('T', ' ');
}
