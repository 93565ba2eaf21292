import { Group, Select, type SelectProps } from '@mantine/core';
import { levels, PriorityBadge } from './priority.tsx';

type PrioritySelectProps = Omit<SelectProps, 'data' | 'value' | 'onChange' | 'renderOption'> & {
  readonly value: number | null;
  readonly onChange: (level: number | null) => void;
};

/** Chooses a level, or null if `clearable`. */
export function PrioritySelect({ value, onChange, ...props }: PrioritySelectProps) {
  return (
    <Select
      allowDeselect={false}
      {...props}
      data={levels.map(level => ({ value: String(level), label: `P${level}` }))}
      value={value === null ? null : String(value)}
      onChange={chosen => onChange(chosen === null ? null : Number(chosen))}
      renderOption={({ option }) => (
        <Group gap="xs">
          <PriorityBadge level={Number(option.value)} />
        </Group>
      )}
    />
  );
}
