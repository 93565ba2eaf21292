import { Alert, Button, Group, Paper, PasswordInput, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import type { AskedQuestion } from '../../api/explain.ts';
import { formErrors } from '../../parts/form-errors.ts';
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
}

const questionOf = ({ by, key, key_prefix, x_priority }: Values): AskedQuestion => ({
  ...(by === 'key' ? { key: key.trim() } : { key_prefix: key_prefix.trim() }),
  ...(x_priority === null ? {} : { x_priority }),
});

/**
 * The key is kept in this form's memory alone. A beginning may come with the address, for example from a mapping's row.
 */
export function QuestionForm({ onAsk, error, isAsking }: QuestionFormProps) {
  const { t } = useTranslation('explain');
  const { t: shared } = useTranslation();
  const [params] = useSearchParams();
  const prefix = params.get('key_prefix') ?? '';
  const form = useForm<Values>({
    initialValues: { by: prefix === '' ? 'key' : 'key_prefix', key: '', key_prefix: prefix, x_priority: null },
  });
  const { by } = form.values;
  const faults = formErrors(error, ['key', 'key_prefix', 'x_priority'], shared);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once, on arrival
  useEffect(() => {
    if (prefix !== '') onAsk({ key_prefix: prefix });
  }, []);
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
            {by === 'key' ? (
              <PasswordInput
                label={t('key')}
                flex="1 1 280px"
                autoComplete="off"
                spellCheck={false}
                required
                withAsterisk={false}
                visibilityToggleButtonProps={{ 'aria-label': t('showKey') }}
                {...form.getInputProps('key')}
                error={faults.key}
              />
            ) : (
              <TextInput
                label={t('keyPrefix')}
                flex="1 1 280px"
                className="mono-input"
                autoComplete="off"
                spellCheck={false}
                required
                withAsterisk={false}
                {...form.getInputProps('key_prefix')}
                error={faults.key_prefix}
              />
            )}
            <PrioritySelect
              label={t('xPriority')}
              placeholder={t('notSent')}
              flex="0 1 150px"
              clearable
              value={form.values.x_priority}
              onChange={level => form.setFieldValue('x_priority', level)}
              error={faults.x_priority}
            />
            <Button type="submit" loading={isAsking} mt={25}>
              {t('ask')}
            </Button>
          </Group>
          {faults.form !== undefined && (
            <Alert color="red" role="alert">
              {faults.form}
            </Alert>
          )}
        </Stack>
      </form>
    </Paper>
  );
}
