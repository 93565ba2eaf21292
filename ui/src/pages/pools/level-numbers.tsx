import { Box, NumberInput, SimpleGrid, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { levels } from '../../parts/priority.tsx';
import type { Typed } from './pool-form-values.ts';

interface LevelNumbersProps {
  readonly label: string;
  readonly value: readonly Typed[];
  readonly onChange: (value: readonly Typed[]) => void;
  readonly placeholder?: string;
  /** Adds a field that sets all ten levels at once. */
  readonly withAll?: boolean;
  readonly error?: string | undefined;
}

/** Ten numbers, one for each level; in two rows on a phone. */
export function LevelNumbers({ label, value, onChange, placeholder, withAll = false, error }: LevelNumbersProps) {
  const { t } = useTranslation('pools');
  const isInvalid = error !== undefined;
  const first = value[0] ?? '';
  return (
    <Box role="group" aria-label={label}>
      <SimpleGrid cols={{ base: withAll ? 6 : 5, sm: withAll ? 11 : 10 }} spacing={4} verticalSpacing={4}>
        {withAll && (
          <Cell
            title={t('allLevels')}
            label={t('ofAllLevels', { setting: label })}
            value={value.every(one => one === first) ? first : ''}
            onChange={one => onChange(levels.map(() => one))}
            placeholder="≠"
            isInvalid={isInvalid}
          />
        )}
        {levels.map(level => (
          <Cell
            key={level}
            title={`P${level}`}
            label={t('ofLevel', { setting: label, level })}
            value={value[level] ?? ''}
            onChange={one => onChange(value.map((old, index) => (index === level ? one : old)))}
            placeholder={placeholder}
            isInvalid={isInvalid}
          />
        ))}
      </SimpleGrid>
      {error !== undefined && (
        <Text size="xs" mt={4} c="var(--mantine-color-error)" role="alert">
          {error}
        </Text>
      )}
    </Box>
  );
}

interface CellProps {
  readonly title: string;
  readonly label: string;
  readonly value: Typed;
  readonly onChange: (value: Typed) => void;
  readonly placeholder?: string | undefined;
  readonly isInvalid: boolean;
}

function Cell({ title, label, value, onChange, placeholder, isInvalid }: CellProps) {
  return (
    <Box>
      <Text size="xs" ta="center" c="dimmed" aria-hidden>
        {title}
      </Text>
      <NumberInput
        aria-label={label}
        value={value}
        onChange={onChange}
        {...(placeholder === undefined ? {} : { placeholder })}
        error={isInvalid}
        hideControls
        size="xs"
        styles={{ input: { textAlign: 'right', paddingInline: 5 }, section: { display: 'none' } }}
      />
    </Box>
  );
}
