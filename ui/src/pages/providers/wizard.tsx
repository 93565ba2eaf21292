import { Button, Stack, Text, Title } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { FormPanel } from '../../parts/form-panel.tsx';
import { steps, useWizard } from './use-wizard.ts';
import { ModelsStep, PlaceStep, SeatsStep, TrialStep } from './wizard-steps.tsx';

interface WizardProps {
  /** The names that there are already. */
  readonly taken: readonly string[];
  readonly storesKeys: boolean;
  readonly onClose: () => void;
}

/** Adds a provider step by step; what was entered stays, whatever step fails. */
export function Wizard({ taken, storesKeys, onClose }: WizardProps) {
  const { t } = useTranslation('providers');
  const wizard = useWizard(taken, onClose);
  const { step, faults, failure, form } = wizard;
  const isLast = step === 'trial';
  const input = (name: keyof typeof form.values) => ({ ...form.getInputProps(name), error: faults[name], name });
  const shared = { wizard, input };
  return (
    <FormPanel
      title={t('add')}
      onClose={onClose}
      onSubmit={form.onSubmit(wizard.go)}
      error={faults.form}
      failure={failure}
      isSaving={wizard.isBusy}
      isDirty={form.isDirty()}
      saveLabel={t(isLast && wizard.trial === null ? 'saveUntried' : `next_${step}`)}
      size="lg"
      buttons={<Buttons wizard={wizard} />}
    >
      <Head step={step} />
      {step === 'place' && <PlaceStep {...shared} storesKeys={storesKeys} />}
      {step === 'models' && <ModelsStep {...shared} />}
      {step === 'seats' && <SeatsStep {...shared} />}
      {step === 'trial' && <TrialStep {...shared} />}
    </FormPanel>
  );
}

/** Takes the focus when its step begins. */
function Head({ step }: { readonly step: (typeof steps)[number] }) {
  const { t } = useTranslation('providers');
  const heading = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the heading of the new step
  useEffect(() => heading.current?.focus(), [step]);
  return (
    <Stack gap={2}>
      <Text size="xs" c="dimmed">
        {t('stepOf', { step: steps.indexOf(step) + 1, of: steps.length })}
      </Text>
      <Title order={3} size="h5" ref={heading} tabIndex={-1}>
        {t(`step_${step}`)}
      </Title>
      <Text size="sm" c="dimmed">
        {t(`stepHint_${step}`)}
      </Text>
    </Stack>
  );
}

function Buttons({ wizard: { step, canSkip, skip, back } }: { readonly wizard: ReturnType<typeof useWizard> }) {
  const { t } = useTranslation('providers');
  return (
    <>
      {canSkip && (
        <Button variant="subtle" onClick={skip}>
          {t('goOn')}
        </Button>
      )}
      {step !== 'place' && (
        <Button variant="default" onClick={back}>
          {t('back')}
        </Button>
      )}
    </>
  );
}
