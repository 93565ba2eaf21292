import { Input, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { useBoostMapping, useBoostTrial } from '../../api/mappings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormButtons, FormError } from '../../parts/form-foot.tsx';
import { MomentInput } from '../../parts/moment-input.tsx';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { tellDone } from '../../parts/tell.ts';
import { RowSummary } from './cells.tsx';
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
  const { t } = useTranslation('mappings');
  const { t: shell } = useTranslation();
  const { form, submit, boosting } = useBoosting(row, onClose);
  const { values, setFieldValue: set } = form;
  const trial = useBoostTrial(row.id, values.priority);
  const errors = formErrors(boosting.error, ['priority', 'until', 'for', 'reason'], shell);
  return (
    <form onSubmit={form.onSubmit(submit)}>
      <Stack>
        <RowSummary row={row}>
          <Text size="sm">{t('boostText', { level: row.priority })}</Text>
        </RowSummary>
        <PrioritySelect
          label={t('field_priority')}
          value={values.priority}
          onChange={level => level !== null && set('priority', level)}
          error={errors.priority}
          data-autofocus
        />
        <SpanFields form={form} error={errors.until ?? errors.for} />
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
        <FormError>{errors.form}</FormError>
        <FormButtons onCancel={onClose} saveLabel={t('boost')} isSaving={boosting.isPending} />
      </Stack>
    </form>
  );
}

function useBoosting(row: Row, onClose: () => void) {
  const { t } = useTranslation('mappings');
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
  const submit = ({ priority, span, until, reason }: Values) => {
    const time = span === 'until' ? (until === null ? {} : { until }) : { for: Number(span) };
    const onSuccess = () => {
      tellDone(t('boostDone', { id: row.id }));
      onClose();
    };
    boosting.mutate({ id: row.id, boost: { priority, reason, ...time } }, { onSuccess });
  };
  return { form, submit, boosting };
}

interface SpanFieldsProps {
  readonly form: UseFormReturnType<Values>;
  readonly error: string | undefined;
}

/** How long the boost lasts. */
function SpanFields({ form: { values, setFieldValue: set }, error }: SpanFieldsProps) {
  const { t } = useTranslation('mappings');
  const isUntil = values.span === 'until';
  return (
    <>
      <Input.Wrapper label={t('howLong')} labelElement="div" error={isUntil ? undefined : error}>
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
          error={error}
          minDate={new Date()}
        />
      )}
    </>
  );
}
