import { type CSSVariablesResolver, createTheme } from '@mantine/core';

const dialogStyles = { title: { fontWeight: 600 } };

export const theme = createTheme({
  primaryColor: 'blue',
  defaultRadius: 'sm',
  // Darker than the default, so that it has enough contrast with white in both directions (WCAG AA).
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: { Drawer: { styles: dialogStyles }, Modal: { styles: dialogStyles } },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
});

/** The library's own greys and red are too pale on white, and more so on a tint (WCAG AA requires 4.5 : 1). */
export const readableColors: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#60666c',
    '--mantine-color-placeholder': '#6c7278',
    '--mantine-color-error': 'var(--mantine-color-red-9)',
  },
  dark: {
    '--mantine-color-dimmed': '#a3a3a3',
    '--mantine-color-placeholder': '#a3a3a3',
    '--mantine-color-error': 'var(--mantine-color-red-4)',
  },
});
