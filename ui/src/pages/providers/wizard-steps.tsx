import { Alert, Button, Group, Select, Stack, TagsInput, Text, Textarea, TextInput } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { usePools } from '../../api/pools.ts';
import { FormError } from '../../parts/form-foot.tsx';
import { NoMasterKey } from './key-list.tsx';
import { SecretInput } from './secret-input.tsx';
import type { Values, Wizard } from './use-wizard.ts';

interface StepProps {
  readonly wizard: Wizard;
  /** The properties of a field's control, with its fault. */
  readonly input: (name: keyof Values) => ReturnType<Wizard['form']['getInputProps']>;
}

/** Where it is, and its key. */
export function PlaceStep({ wizard, input, storesKeys }: StepProps & { readonly storesKeys: boolean }) {
  const { t } = useTranslation('providers');
  const types = ['openai', 'anthropic'].map(value => ({ value, label: t(`type_${value as 'openai'}`) }));
  return (
    <>
      <TextInput label={t('name')} description={t('nameHint')} required spellCheck={false} {...input('name')} />
      <Select label={t('key_type')} data={types} allowDeselect={false} {...input('type')} />
      <Textarea
        label={t('key_base_url')}
        description={t('urlsHint')}
        placeholder={t('urlExample')}
        required
        autosize
        minRows={2}
        spellCheck={false}
        classNames={{ input: 'mono' }}
        styles={lines}
        {...input('base_url')}
      />
      {storesKeys ? (
        <SecretInput label={t('key')} description={t('keyHint')} styles={lines} {...input('api_key')} />
      ) : (
        <>
          <NoMasterKey />
          <FormError>{wizard.faults.api_key}</FormError>
        </>
      )}
    </>
  );
}

/** Each URL has its own fault, one below the other. */
const lines = { error: { whiteSpace: 'pre-line', overflowWrap: 'anywhere' } } as const;
const mostNamed = 20;

/** Which of its models it serves. */
export function ModelsStep({ wizard: { found, tried, form }, input }: StepProps) {
  const { t } = useTranslation('providers');
  const leftOut = tried.reduce((sum, { models_left_out }) => sum + models_left_out, 0);
  const count = found.length + leftOut;
  const named = found.slice(0, mostNamed).join(', ');
  return (
    <>
      <Stack gap="xs" align="flex-start">
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {count === 0 ? t('foundNone') : t('found', { count, named: count > mostNamed ? `${named} …` : named })}
        </Text>
        {found.length > 0 && (
          <Button size="compact-sm" variant="default" onClick={() => form.setFieldValue('models', found)}>
            {t('takeAll')}
          </Button>
        )}
      </Stack>
      <TagsInput
        label={t('models')}
        description={t('modelsHint')}
        data={found}
        limit={100}
        maxDropdownHeight={240}
        {...input('models')}
      />
    </>
  );
}

/** How many requests at once, and whose queue. */
export function SeatsStep({ input }: StepProps) {
  const { t } = useTranslation('providers');
  const pools = usePools(false).data?.map(({ name }) => name) ?? [];
  return (
    <>
      <TextInput
        label={t('key_max_concurrent')}
        description={t('seatsHint')}
        inputMode="numeric"
        {...input('max_concurrent')}
      />
      <Select
        label={t('pool')}
        description={t('poolHint')}
        placeholder={t('ownPool')}
        data={pools}
        clearable
        {...input('pool')}
      />
    </>
  );
}

/** One request for one token, before anything is stored. */
export function TrialStep({ wizard: { trial, found, isBusy, sendOne }, input }: StepProps) {
  const { t } = useTranslation('providers');
  return (
    <>
      <Group align="flex-end" gap="xs">
        <TextInput
          label={t('model')}
          description={t('trialHint')}
          placeholder={found[0]}
          spellCheck={false}
          flex="1 1 220px"
          {...input('model')}
          error={input('model').error !== undefined}
        />
        <Button variant="default" loading={isBusy} onClick={sendOne}>
          {t('sendOne')}
        </Button>
      </Group>
      <FormError>{input('model').error && <Text {...faultText}>{input('model').error}</Text>}</FormError>
      {trial !== null && (
        <Alert color="teal" icon={<IconCircleCheck />} role="status">
          {trial.map(({ url, request }) => (
            <Text size="sm" key={url}>
              {t('answered', { url, status: request?.status, ms: request?.ms })}
            </Text>
          ))}
        </Alert>
      )}
    </>
  );
}

const faultText = { size: 'sm', style: { whiteSpace: 'pre-line', overflowWrap: 'anywhere' } } as const;
