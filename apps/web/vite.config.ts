/** How the page is built: `npm run web`. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const home = fileURLToPath(new URL('.', import.meta.url));
const platform = process.env.SOTTO_PLATFORM ?? 'http://localhost:8080';
const SERVICE_WORKER = 'service-worker';

/** The letters that most languages are written in, for every weight. */
const LATIN = /inter-latin-wght.*\.woff2$/;

export default defineConfig({
  root: home,
  plugins: [preloadLetters(), shellList()],
  build: {
    target: 'es2024',
    // Browsers of this age know `light-dark()`, popovers and nested dialogs.
    cssTarget: ['chrome125', 'firefox128', 'safari17.5'],
    // The policy of the page allows no `data:` script, style or font.
    assetsInlineLimit: 0,
    // Browsers of this target preload by themselves.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: {
      input: {
        page: `${home}index.html`,
        [SERVICE_WORKER]: `${home}src/service-worker/main.ts`,
      },
      output: {
        // A service worker is asked for by one name for ever.
        entryFileNames: ({ name }) =>
          name === SERVICE_WORKER ? '[name].js' : 'assets/[name]-[hash].js',
      },
      onLog(level, log, write) {
        // A word for servers that render React, which nobody does here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') write(level, log);
      },
    },
  },
  worker: { format: 'es' },
  // What is no source of the page comes from a platform that runs.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/.well-known', '/icon.svg'].map((path) => [path, { target: platform, ws: true }]),
    ),
  },
});

/** Has the letters of most languages fetched with the scripts, and not only once there are words to draw. */
function preloadLetters(): Plugin {
  return {
    name: 'sotto-preload-letters',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle = {} }) {
        const font = Object.keys(bundle).find((name) => LATIN.test(name));
        if (font === undefined) throw new Error('the page has no letters');
        const type = { as: 'font', type: 'font/woff2', crossorigin: true };
        const attrs = { rel: 'preload', href: `/${font}`, ...type };
        return [{ tag: 'link', injectTo: 'head', attrs }];
      },
    },
  };
}

/** Tells the service worker of every file that the page needs without a connection; a digest over them is its version. */
function shellList(): Plugin {
  return {
    name: 'sotto-shell-list',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const page = bundle['index.html'];
      const script = bundle[`${SERVICE_WORKER}.js`];
      if (page?.type !== 'asset' || script?.type !== 'chunk') this.error('the page is not whole');
      const assets = Object.keys(bundle).filter(isOfShell).toSorted();
      const icons = globSync('icons/*', { cwd: `${home}public` }).toSorted();
      const files = ['/', '/icon.svg', ...[...assets, ...icons].map((name) => `/${name}`)];
      const hash = createHash('sha256').update(files.join()).update(page.source);
      const shell = { version: hash.update(script.code).digest('hex').slice(0, 16), files };
      script.code = `self.SHELL=${JSON.stringify(shell)};\n${script.code}`;
    },
  };
}

/** Scripts, styles and the letters of most languages; other letters are kept once somebody writes in them. */
function isOfShell(name: string): boolean {
  return name.startsWith('assets/') && (!name.endsWith('.woff2') || LATIN.test(name));
}
