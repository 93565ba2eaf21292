import { Alert, Button, Group, Input, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { useBoostMapping, useBoostTrial } from '../../api/mappings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { MomentInput } from '../../parts/moment-input.tsx';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { tellDone } from '../../parts/tell.ts';
import { PatternCell, TenantCell } from './cells.tsx';
import type { Row } from './row.ts';
import { TrialResult } from './trial-result.tsx';

/** Seconds, or until a chosen moment. */
const spans = ['900', '3600', '14400', 'until'] as const;
type Span = (typeof spans)[number];

interface Values {
  readonly priority: number;
  readonly span: Span;
  readonly until: string | null;
  readonly reason: string;
}

interface BoostFormProps {
  readonly row: Row;
  readonly onClose: () => void;
}

export default function BoostForm({ row, onClose }: BoostFormProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const { t: shell } = useTranslation();
  const boosting = useBoostMapping();
  const form = useForm<Values>({
    initialValues: {
      priority: row.boost?.priority ?? Math.max(0, row.priority - 1),
      span: row.boost === null ? '3600' : 'until',
      until: row.boost?.until ?? null,
      reason: row.boost?.reason ?? '',
    },
    onValuesChange: () => boosting.reset(),
  });
  const { values, setFieldValue: set } = form;
  const trial = useBoostTrial(row.id, values.priority);
  const errors = formErrors(boosting.error, ['priority', 'until', 'for', 'reason'], shell);
  const submit = ({ priority, span, until, reason }: Values) => {
    const time = span === 'until' ? (until === null ? {} : { until }) : { for: Number(span) };
    boosting.mutate(
      { id: row.id, boost: { priority, reason, ...time } },
      {
        onSuccess: () => {
          tellDone(t('boostDone', { id: row.id }));
          onClose();
        },
      },
    );
  };
  const isUntil = values.span === 'until';
  const timeError = errors.until ?? errors.for;
  return (
    <form onSubmit={form.onSubmit(submit)}>
      <Stack>
        <Stack gap={4}>
          <TenantCell row={row} />
          <PatternCell row={row} />
          <Text size="sm">{t('boostText', { level: row.priority })}</Text>
        </Stack>
        <PrioritySelect
          label={t('field_priority')}
          value={values.priority}
          onChange={level => level !== null && set('priority', level)}
          error={errors.priority}
          data-autofocus
        />
        <Input.Wrapper label={t('howLong')} labelElement="div" error={isUntil ? undefined : timeError}>
          <SegmentedControl
            fullWidth
            aria-label={t('howLong')}
            data={spans.map(value => ({ value, label: t(`span_${value}`) }))}
            value={values.span}
            onChange={value => set('span', value)}
            mt={4}
          />
        </Input.Wrapper>
        {isUntil && (
          <MomentInput
            label={t('until')}
            placeholder={t('chooseUntil')}
            value={values.until}
            onChange={until => set('until', until)}
            error={timeError}
            minDate={new Date()}
          />
        )}
        <TextInput
          label={t('reason')}
          placeholder={t('reasonExample')}
          value={values.reason}
          onChange={event => set('reason', event.currentTarget.value)}
          error={errors.reason}
          maxLength={500}
          required
        />
        {!trial.error && <TrialResult tried={trial.data} isTrying={trial.isFetching} hint="" />}
        {errors.form !== undefined && (
          <Alert color="red" role="alert">
            {errors.form}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('shell:cancel')}
          </Button>
          <Button type="submit" loading={boosting.isPending}>
            {t('boost')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
