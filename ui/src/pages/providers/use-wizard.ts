import { useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Fields, type TriedProvider, useCreateProvider, useTryProvider } from '../../api/providers.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { tellDone } from '../../parts/tell.ts';
import { urlsIn } from './provider-settings.ts';

/** The steps in their order, and the fields of each. */
const fieldsOf = {
  place: ['name', 'type', 'base_url', 'api_key'],
  models: ['models'],
  seats: ['max_concurrent', 'pool'],
  trial: ['model'],
} as const;
export type Step = keyof typeof fieldsOf;
export const steps = Object.keys(fieldsOf) as Step[];
const fields = steps.flatMap(step => fieldsOf[step] as readonly (keyof Values)[]);

export interface Values {
  readonly name: string;
  readonly type: string;
  readonly base_url: string;
  readonly api_key: string;
  /** Names and globs; none: all. */
  readonly models: string[];
  readonly max_concurrent: string;
  /** Null: one of its own. */
  readonly pool: string | null;
  /** Asked for by the trial. */
  readonly model: string;
}

const nothing: Values = {
  name: '',
  type: 'openai',
  base_url: '',
  api_key: '',
  models: [],
  max_concurrent: '8',
  pool: null,
  model: '',
};

type Faults = Partial<Record<keyof Values | 'form', string>>;
type Tried = TriedProvider['endpoints'];

export type Wizard = ReturnType<typeof useWizard>;

interface Failure {
  readonly faults: Faults;
  /** The step can be left all the same. */
  readonly canSkip?: boolean;
}
const noFailure: Failure = { faults: {} };

export function useWizard(taken: readonly string[], onClose: () => void) {
  const { t } = useTranslation('providers');
  const form = useForm<Values>({ initialValues: nothing });
  const steering = useSteps();
  const { step, failure, refuse, forget, move } = steering;
  const asking = useAsking(steering);
  const saving = useSaving(steering, onClose);
  const { tried } = asking;
  const found = [...new Set(tried.flatMap(({ models }) => models))];
  const go = (values: Values) => {
    forget();
    if (step === 'trial') return saving.save(values);
    if (step !== 'place') {
      if (step === 'seats' && values.model === '') form.setFieldValue('model', firstModel(values, found));
      return move(1);
    }
    const name = values.name.trim();
    if (taken.includes(name)) return refuse({ name: t('nameTaken', { name }) });
    asking.askForModels(values);
  };
  return {
    form,
    step,
    tried,
    found,
    trial: steering.trial,
    faults: failure.faults,
    failure,
    canSkip: failure.canSkip === true,
    isBusy: asking.isBusy || saving.isBusy,
    go,
    sendOne: () => asking.sendOne(form.values),
    skip: () => move(1),
    back: () => move(-1),
  };
}

type Steering = ReturnType<typeof useSteps>;

/** The present step, and what was wrong with it. */
function useSteps() {
  const { t: shared } = useTranslation();
  const [step, setStep] = useState<Step>('place');
  const [failure, setFailure] = useState(noFailure);
  /** The answers to the trial of what the form says now. */
  const [trial, setTrial] = useState<Tried | null>(null);
  const forget = () => setFailure(noFailure);
  const move = (by: 1 | -1) => {
    forget();
    setTrial(null);
    setStep(steps[steps.indexOf(step) + by] ?? step);
  };
  /** A fault stands at its field, in the step that has it. */
  const refuse = (faults: Faults, canSkip = false) => {
    const first = steps.find(one => fieldsOf[one].some(field => faults[field] !== undefined));
    if (first !== undefined) setStep(first);
    setFailure({ faults, canSkip });
  };
  const onError = (error: unknown) => refuse(formErrors(error, fields, shared));
  return { step, failure, trial, setTrial, forget, move, refuse, onError };
}

/** Asks the upstream, and stores nothing. */
function useAsking({ setTrial, forget, move, refuse, onError }: Steering) {
  const { t } = useTranslation('providers');
  const [tried, setTried] = useState<Tried>([]);
  const trying = useTryProvider();
  const askForModels = (values: Values) => {
    const onSuccess = ({ endpoints }: TriedProvider) => {
      setTried(endpoints);
      const faults = faultsOf(endpoints);
      if (faults === null) move(1);
      else refuse(faults, true);
    };
    trying.mutate(sent(values), { onError, onSuccess });
  };
  const sendOne = (values: Values) => {
    const model = values.model.trim();
    if (model === '') return refuse({ model: t('modelMissing') });
    setTrial(null);
    forget();
    const onSuccess = ({ endpoints }: TriedProvider) => {
      const failed = endpoints.filter(({ request }) => request?.error !== null);
      if (failed.length === 0) return setTrial(endpoints);
      const told = failed.map(({ url, request }) => `${url}: ${request?.status ?? ''} ${request?.error ?? ''}`);
      refuse({ model: told.join('\n') });
    };
    trying.mutate({ ...sent(values), model }, { onError, onSuccess });
  };
  return { tried, askForModels, sendOne, isBusy: trying.isPending };
}

function useSaving({ onError }: Steering, onClose: () => void) {
  const { t } = useTranslation('providers');
  const creating = useCreateProvider();
  const onSuccess = ({ name }: { readonly name: string }) => {
    tellDone(t('created', { name }));
    onClose();
  };
  return {
    save: (values: Values) => creating.mutate(sent(values), { onError, onSuccess }),
    isBusy: creating.isPending,
  };
}

/** Refusals of the key stand at the key, others at the URLs. */
function faultsOf(answers: Tried): Faults | null {
  const failed = answers.filter(({ error }) => error !== null);
  if (failed.length === 0) return null;
  const isKey = failed.every(({ error }) => /\b40[13]\b/.test(error ?? ''));
  return { [isKey ? 'api_key' : 'base_url']: failed.map(({ url, error }) => `${url}: ${error}`).join('\n') };
}

/** A glob names no model. */
const firstModel = ({ models }: Values, found: readonly string[]): string =>
  [...models, ...found].find(name => !name.includes('*')) ?? '';

/** Empty fields are omitted. The gateway validates the values. */
function sent({ name, type, base_url, api_key, models, max_concurrent, pool }: Values): Fields {
  return {
    name: name.trim(),
    type,
    base_url: urlsIn(base_url),
    ...(api_key.trim() === '' ? {} : { api_key: api_key.trim() }),
    ...(models.length === 0 ? {} : { models }),
    ...(max_concurrent.trim() === '' ? {} : { max_concurrent: max_concurrent.trim() }),
    ...(pool === null ? {} : { pool }),
  };
}
