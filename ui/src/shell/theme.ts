import { createTheme } from '@mantine/core';

const dialogStyles = { title: { fontWeight: 600 } };

export const theme = createTheme({
  primaryColor: 'blue',
  defaultRadius: 'sm',
  // Darker than the default, so that white on it and it on white are both readable (WCAG AA).
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: { Drawer: { styles: dialogStyles }, Modal: { styles: dialogStyles } },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
});
