import { SegmentedControl, Stack, Text, useMantineColorScheme } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { useTranslation } from 'react-i18next';
import { Section } from '../../parts/section.tsx';
import { chooseLanguage, type Language, languages } from '../../texts/texts.ts';

const schemes = ['light', 'dark', 'auto'] as const;

export function Appearance() {
  const { t, i18n } = useTranslation('settings');
  const { t: shared } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title={t('appearance')} hint={t('appearanceHint')}>
      <Stack>
        <Choice label={shared('language')}>
          {id => (
            <SegmentedControl
              aria-labelledby={id}
              data={Object.entries(languages).map(([value, label]) => ({
                value,
                label: <span lang={value}>{label}</span>,
              }))}
              value={i18n.language}
              onChange={name => void chooseLanguage(name as Language)}
            />
          )}
        </Choice>
        <Choice label={shared('colorScheme')}>
          {id => (
            <SegmentedControl
              aria-labelledby={id}
              data={schemes.map(value => ({ value, label: shared(value) }))}
              value={colorScheme}
              onChange={scheme => setColorScheme(scheme as (typeof schemes)[number])}
            />
          )}
        </Choice>
      </Stack>
    </Section>
  );
}

function Choice({ label, children }: { readonly label: string; readonly children: (labelId: string) => ReactNode }) {
  const id = useId();
  return (
    <Stack gap={4} align="flex-start">
      <Text size="sm" fw={600} id={id}>
        {label}
      </Text>
      {children(id)}
    </Stack>
  );
}
