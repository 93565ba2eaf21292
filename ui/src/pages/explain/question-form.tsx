import { Button, Group, Paper, PasswordInput, SegmentedControl, Select, Stack, TextInput } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import type { AskedQuestion } from '../../api/explain.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormError } from '../../parts/form-foot.tsx';
import { PrioritySelect } from '../../parts/priority-select.tsx';

interface QuestionFormProps {
  readonly onAsk: (question: AskedQuestion) => void;
  readonly error: unknown;
  readonly isAsking: boolean;
}

interface Values {
  readonly by: 'key' | 'key_prefix';
  readonly key: string;
  readonly key_prefix: string;
  readonly x_priority: number | null;
  readonly model: string;
  readonly dialect: 'openai' | 'anthropic';
}

const questionOf = ({ by, key, key_prefix, x_priority, model, dialect }: Values): AskedQuestion => ({
  ...(by === 'key' ? { key: key.trim() } : { key_prefix: key_prefix.trim() }),
  ...(x_priority === null ? {} : { x_priority }),
  ...(model.trim() === '' ? {} : { model: model.trim(), dialect }),
});

/**
 * The key is kept in this form's memory alone. A beginning, or a model, may come with the address, for example from a mapping's row.
 */
export function QuestionForm({ onAsk, error, isAsking }: QuestionFormProps) {
  const { t } = useTranslation('explain');
  const { t: shared } = useTranslation();
  const form = useQuestion(onAsk);
  const faults = formErrors(error, ['key', 'key_prefix', 'x_priority', 'model'], shared);
  return (
    <Paper withBorder p="md">
      <form onSubmit={form.onSubmit(values => onAsk(questionOf(values)))} autoComplete="off">
        <Stack gap="sm">
          <SegmentedControl
            aria-label={t('by')}
            data={[
              { value: 'key', label: t('wholeKey') },
              { value: 'key_prefix', label: t('beginning') },
            ]}
            style={{ alignSelf: 'flex-start' }}
            {...form.getInputProps('by')}
          />
          <Group align="flex-start" gap="sm">
            <KeyInput form={form} faults={faults} />
            <PrioritySelect
              label={t('xPriority')}
              placeholder={t('notSent')}
              flex="0 1 150px"
              clearable
              value={form.values.x_priority}
              onChange={level => form.setFieldValue('x_priority', level)}
              error={faults.x_priority}
            />
            <ModelInputs form={form} error={faults.model} />
            <Button type="submit" loading={isAsking} mt={25}>
              {t('ask')}
            </Button>
          </Group>
          <FormError>{faults.form}</FormError>
        </Stack>
      </form>
    </Paper>
  );
}

/** The form; a beginning that came with the address is asked about at once. */
function useQuestion(onAsk: QuestionFormProps['onAsk']): UseFormReturnType<Values> {
  const [params] = useSearchParams();
  const prefix = params.get('key_prefix') ?? '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once, on arrival
  useEffect(() => {
    if (prefix !== '') onAsk({ key_prefix: prefix });
  }, []);
  return useForm<Values>({
    initialValues: {
      by: prefix === '' ? 'key' : 'key_prefix',
      key: '',
      key_prefix: prefix,
      x_priority: null,
      model: params.get('model') ?? '',
      dialect: 'openai',
    },
  });
}

const dialects: Values['dialect'][] = ['openai', 'anthropic'];

interface ModelInputsProps {
  readonly form: UseFormReturnType<Values>;
  readonly error: string | undefined;
}

/** The model that the request asks for, in one of the two APIs; without one, only the priority is explained. */
function ModelInputs({ form, error }: ModelInputsProps) {
  const { t } = useTranslation('explain');
  return (
    <>
      <TextInput
        label={t('model')}
        placeholder={t('anyModel')}
        flex="1 1 180px"
        autoComplete="off"
        spellCheck={false}
        maxLength={1000}
        {...form.getInputProps('model')}
        error={error}
      />
      <Select
        label={t('dialect')}
        data={dialects}
        flex="0 1 140px"
        allowDeselect={false}
        {...form.getInputProps('dialect')}
      />
    </>
  );
}

interface KeyInputProps {
  readonly form: UseFormReturnType<Values>;
  readonly faults: Readonly<Partial<Record<'key' | 'key_prefix', string>>>;
}

/** The whole key, hidden, or its beginning. */
function KeyInput({ form, faults }: KeyInputProps) {
  const { t } = useTranslation('explain');
  const { by } = form.values;
  const input = {
    flex: '1 1 280px',
    autoComplete: 'off',
    spellCheck: false,
    required: true,
    withAsterisk: false,
    ...form.getInputProps(by),
    error: faults[by],
  };
  if (by === 'key_prefix') return <TextInput label={t('keyPrefix')} className="mono-input" {...input} />;
  return <PasswordInput label={t('key')} visibilityToggleButtonProps={{ 'aria-label': t('showKey') }} {...input} />;
}
