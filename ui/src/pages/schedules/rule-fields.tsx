import { Chip, Group, Input, Select, Textarea } from '@mantine/core';
import { TimePicker } from '@mantine/dates';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { FieldsProps } from './target-fields.tsx';
import { useWeekdays, weekdayNames } from './weekdays.ts';
import { allZones, readerZone } from './zones.ts';

/** The rule of a schedule: days, hours, and time zone. */
export function RuleFields({ form, errors }: FieldsProps) {
  const { t } = useTranslation('schedules');
  const { start, end } = form.values;
  const zones = useMemo(() => {
    const own = readerZone();
    return allZones().map(zone => ({ value: zone, label: zone === own ? t('yours', { zone }) : zone }));
  }, [t]);
  return (
    <>
      <Weekdays form={form} errors={errors} />
      <Group align="flex-start" grow>
        <Time name="start" form={form} errors={errors} />
        <Time name="end" form={form} errors={errors} hint={start !== '' && end !== '' && end <= start} />
      </Group>
      <Select
        label={t('zone')}
        description={t('zoneHint')}
        data={zones}
        searchable
        limit={100}
        allowDeselect={false}
        {...form.getInputProps('zone')}
        error={errors.zone}
      />
      <Textarea
        label={t('description')}
        autosize
        minRows={2}
        {...form.getInputProps('description')}
        error={errors.description}
      />
    </>
  );
}

function Weekdays({ form, errors }: FieldsProps) {
  const { t } = useTranslation('schedules');
  const short = useWeekdays('short');
  return (
    <Input.Wrapper label={t('weekdays')} description={t('weekdaysHint')} error={errors.weekdays} required>
      <Chip.Group multiple {...form.getInputProps('weekdays')}>
        <Group gap={6} mt={6} mb={errors.weekdays === undefined ? 0 : 6} role="group" aria-label={t('weekdays')}>
          {weekdayNames.map((name, day) => (
            <Chip key={name} value={name} size="sm">
              {short[day]}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Input.Wrapper>
  );
}

function Time({ name, form, errors, hint }: FieldsProps & { readonly name: 'start' | 'end'; readonly hint?: boolean }) {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  return (
    <TimePicker
      label={t(name)}
      description={hint === true ? t('nextDayHint') : undefined}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      hoursInputLabel={t('hoursOf', { name: t(name), hours: shared('hours') })}
      minutesInputLabel={t('hoursOf', { name: t(name), hours: shared('minutes') })}
      {...form.getInputProps(name)}
      onChange={text => form.setFieldValue(name, text.slice(0, 5))}
      error={errors[name]}
      required
    />
  );
}
