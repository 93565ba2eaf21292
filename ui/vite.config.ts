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
  },
  server: { proxy: { '/admin': gateway } },
});
