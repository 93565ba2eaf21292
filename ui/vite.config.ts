import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The address of the gateway for `npm run ui`. */
const gateway = process.env.TOKLIGENCE_CONSOLE_GATEWAY ?? 'http://127.0.0.1:8081';

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [react()],
  build: {
    target: 'es2023',
    // Everything is a separate file, because the page's policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    // A gateway serves one build: pages of older builds do not request missing files for long.
    emptyOutDir: true,
    reportCompressedSize: false,
    // Used to measure what a first visit loads.
    manifest: true,
    // The included packages, with the licence texts that must go along; read by supply/packages.ts.
    license: { fileName: '.vite/licences.json' },
    // One sheet, so that code loaded later needs no other file.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // A few chunks instead of a hundred small ones, which would compress badly: the needs of the first page, those
        // of its charts, and all other pages together with what they need. As a chunk each, these pages would be 11 kB
        // larger in sum; together the second page that somebody opens loads them all.
        codeSplitting: {
          groups: [
            { name: 'first', tags: ['$initial'], priority: 2 },
            { name: 'charts', test: /uplot|ui[\\/]src[\\/]parts[\\/](chart|plot)/, priority: 1 },
            {
              name: 'choices',
              test: /(Combobox|Select|SegmentedControl|FloatingIndicator|priority-select)[\\/.]/,
              priority: 1,
            },
            { name: 'pages', test: /ui[\\/]src[\\/]pages[\\/](?!lanes[\\/]pool-chart)/, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/admin': gateway } },
});
