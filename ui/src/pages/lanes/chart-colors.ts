import { useComputedColorScheme, useMantineTheme } from '@mantine/core';

/** Two colours that differ in lightness too, on the scheme's background. */
export function useChartColors(): { readonly first: string; readonly second: string } {
  const { colors } = useMantineTheme();
  const isDark = useComputedColorScheme('light') === 'dark';
  return isDark
    ? { first: colors.blue[4], second: colors.orange[3] }
    : { first: colors.blue[8], second: colors.orange[7] };
}
