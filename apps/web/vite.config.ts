/** How the page is built: `npm run web`. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const platform = process.env.SOTTO_PLATFORM ?? 'http://localhost:8080';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  build: {
    target: 'es2024',
    cssTarget: ['chrome125', 'firefox128', 'safari17.5'],
    assetsDir: 'assets',
    // The policy of the page allows no `data:` script or style; a font would go against it as well.
    assetsInlineLimit: 0,
    // Browsers of this target preload by themselves.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // What is no source of the page comes from a platform that runs.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/.well-known', '/icon.svg'].map((path) => [path, { target: platform, ws: true }]),
    ),
  },
  worker: { format: 'es' },
});
