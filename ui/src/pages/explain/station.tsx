import { Badge, Group, Paper, Stack, Text } from '@mantine/core';
import { IconArrowRight, IconCheck, IconMinus, IconQuestionMark, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './path.module.css';

/** `idle`: decided before it was reached. `off`: it takes no part in any decision. */
export type StationState = 'decided' | 'passed' | 'idle' | 'off' | 'unknown';

const icons = {
  decided: IconCheck,
  passed: IconArrowRight,
  idle: IconMinus,
  off: IconX,
  unknown: IconQuestionMark,
} as const;
const colors = { decided: 'blue', passed: 'gray', idle: 'gray', off: 'gray', unknown: 'yellow' } as const;

interface StationProps {
  readonly name: string;
  readonly state: StationState;
  readonly children: ReactNode;
}

export function Station({ name, state, children }: StationProps) {
  const { t } = useTranslation('explain');
  const Icon = icons[state];
  return (
    <li
      className={classes.stop}
      data-state={state}
      aria-label={t('stationLabel', { name, state: t(`state_${state}`) })}
    >
      <span className={classes.bullet} aria-hidden>
        <Icon size={18} />
      </span>
      <Paper withBorder p="sm" className={classes.card}>
        <Stack gap={6}>
          <Group justify="space-between" gap={6}>
            <Text fw={600} size="sm">
              {name}
            </Text>
            <Badge variant={state === 'decided' ? 'filled' : 'default'} color={colors[state]} size="sm" tt="none">
              {t(`state_${state}`)}
            </Badge>
          </Group>
          {children}
        </Stack>
      </Paper>
    </li>
  );
}
