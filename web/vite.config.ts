import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const API = process.env.SORDINO_API ?? 'http://127.0.0.1:8055';

export default defineConfig({
  plugins: [svelte()],
  // Whoever builds is told what is wrong, and nothing else; `npm run size` weighs the files.
  logLevel: 'warn',
  build: {
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
    target: 'es2023',
    // Inlined data: URLs would need their own line in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': API } },
  test: {
    include: ['src/**/*.test.ts'],
    // A zone with summer time, for tests of days that have 23 or 25 hours.
    env: { TZ: 'Europe/Berlin' },
  },
});
