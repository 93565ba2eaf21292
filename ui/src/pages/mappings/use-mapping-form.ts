import { useForm } from '@mantine/form';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Mapping } from '../../../../src/http/admin/contract/contract.ts';
import { type Change, useChangeMapping, useTrial } from '../../api/mappings.ts';
import { tellDone } from '../../parts/tell.ts';
import { bodyOf } from './exact-key.ts';
import { blank, type Values, valuesOf } from './row.ts';

const restMs = 350;
const valuesIn = (row: Mapping | null): Values => (row === null ? blank : valuesOf(row));

/** The values of a mapping, and the version of the row that they change; without a row they create one. */
export function useMappingForm(row: Mapping | null, onDone: () => void) {
  const { t } = useTranslation();
  const [base, setBase] = useState(row);
  const [isHashWanted, setIsHashWanted] = useState(row === null);
  const saving = useChangeMapping();
  const form = useForm<Values>({ initialValues: valuesIn(row), onValuesChange: () => saving.reset() });
  const onSuccess = () => {
    tellDone(t('saved'));
    onDone();
  };
  const save = (on = base) => saving.mutate(() => changeOf(form.values, on, isHashWanted), { onSuccess });
  return {
    form,
    base,
    isHashWanted,
    setIsHashWanted,
    saving,
    save: () => save(),
    /** Saves the values over a newer version. */
    saveOver: (current: Mapping) => {
      setBase(current);
      save(current);
    },
    /** Goes on with a newer version, and with these values. */
    startFrom: (current: Mapping, values: Values) => {
      saving.reset();
      setBase(current);
      form.setInitialValues(valuesOf(current));
      form.setValues(values);
    },
  };
}

export type MappingEditing = ReturnType<typeof useMappingForm>;

/** The dry run of the values, whenever the typing rests. */
export function useFormTrial({ form: { values }, base, isHashWanted }: MappingEditing) {
  const [rested] = useDebouncedValue(values, restMs);
  const isComplete = rested.pattern !== '' && rested.priority !== null;
  const { data, error, isFetching } = useTrial(
    [base?.etag, rested, isHashWanted],
    isComplete ? () => changeOf(rested, base, isHashWanted) : null,
  );
  return {
    error,
    isComplete,
    tried: isComplete && !error ? data : undefined,
    isTrying: isFetching || rested !== values,
  };
}

async function changeOf(values: Values, on: Mapping | null, isHashWanted: boolean): Promise<Change> {
  const body = await bodyOf(values, isHashWanted);
  return on === null ? { kind: 'create', body } : { kind: 'update', id: on.id, etag: on.etag, body };
}
