import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run ui` finds a running gateway. */
const gateway = process.env.TOKLIGENCE_CONSOLE_GATEWAY ?? 'http://127.0.0.1:8081';

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [react()],
  build: {
    target: 'es2023',
    // Everything is a file of its own: the page's policy allows no data: scripts or styles.
    assetsInlineLimit: 0,
    // One gateway serves what one build made: no page of an older build asks for what is gone for long.
    emptyOutDir: true,
    reportCompressedSize: false,
    // For whoever counts what a first visit loads.
    manifest: true,
    // What of others is in it, with the licence texts that have to go with it; read by supply/packages.ts.
    license: { fileName: '.vite/licences.json' },
    // One sheet: code that comes later needs nothing beside itself.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      output: {
        // Few chunks instead of a hundred small ones, which would compress badly: what the first page needs, what its
        // charts need beyond that, and what several of the others share.
        codeSplitting: {
          groups: [
            { name: 'first', tags: ['$initial'], priority: 2 },
            { name: 'charts', test: /uplot|ui[\\/]src[\\/]parts[\\/](chart|plot)/, priority: 1 },
            {
              name: 'choices',
              test: /(Combobox|Select|SegmentedControl|FloatingIndicator|priority-select)[\\/.]/,
              priority: 1,
            },
            { name: 'shared', minShareCount: 2 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/admin': gateway } },
});
