/** The same in Chromium: on a page, and in a worker of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Page } from 'playwright-core';
import type { FirstGroupMessage, GroupSize } from './first-group-message.ts';

declare global {
  /** Of `browser-entry.ts`. */
  var measure: (size: GroupSize) => Promise<FirstGroupMessage>;
  var measureInWorker: typeof measure;
}

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];

export interface InBrowser {
  onPage(size: GroupSize): Promise<FirstGroupMessage>;
  inWorker(size: GroupSize): Promise<FirstGroupMessage>;
  close(): Promise<void>;
}

/** Starts Chromium with a page that can do this. Rejects when there is none. */
export async function openBrowser(executablePath: string): Promise<InBrowser> {
  const entry = fileURLToPath(new URL('./browser-entry.ts', import.meta.url));
  const options = { bundle: true, format: 'esm', write: false, minify: true } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [entry] });
  const server = createServer(({ url }, response) => {
    const isScript = url === '/script.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? outputFiles[0]!.text : '<script type=module src=/script.js></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  const page: Page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return {
    onPage: (size) => page.evaluate((given) => globalThis.measure(given), size),
    inWorker: (size) => page.evaluate((given) => globalThis.measureInWorker(given), size),
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
