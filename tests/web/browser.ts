/**
 * The web client in Chromium against the real platform: one platform and one browser for a test file, a context of its own
 * for each person. Whatever a page complains of, or asks of another origin, fails the file when the platform is closed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import type axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';
import { buildPage } from '../../scripts/web/page-build.ts';
import { freePort, NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

/** What a person in these tests logs in with. */
export const PASSWORD = 'Correct-Horse-7';

/** Other work may have the machine. */
export const TIMEOUT_MS = 45_000;

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  '--disable-features=LocalNetworkAccessChecks',
  // A name that is not this machine's, for pages without a secure context.
  '--host-resolver-rules=MAP chat.test 127.0.0.1',
];

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

/** A platform that serves the page, and a browser. */
export interface Web {
  readonly url: string;
  readonly platform: Standalone;
  readonly browser: Browser;
  /** Somebody's browser, with the page open. */
  visit(options?: VisitOptions): Promise<Visit>;
  /** Somebody who uses the SDK and no page: costs a test nothing to look at. */
  befriend(username: string): Promise<Client>;
  /** Stops the platform as a power cut does, and starts it on the same data and port. */
  restart(whileDown?: () => Promise<void>): Promise<void>;
  /** Rejects when a page has complained of anything, or has asked for something from elsewhere. */
  close(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** From the origin on; `/` when left out. */
  readonly path?: string;
  /** In place of the platform's own. */
  readonly origin?: string;
  /** What its pages say on the console when what the test brings about happens. */
  readonly complaint?: RegExp;
}

/** One person's browser. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
}

/** Builds the page, starts a platform and a browser. Fails without a Chromium: `npm test` installs one. */
export async function openWeb(environment: Readonly<Record<string, string>> = {}): Promise<Web> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`there is no browser at ${executablePath}: set CHROMIUM to the path of one`);
  }
  await using opened = new AsyncDisposableStack();
  await buildPage();
  const variables = { ...NO_LIMITS, SERVER_PORT: String(await freePort()), ...environment };
  let platform = await startStandalone({ environment: variables });
  opened.defer(() => platform.close());
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  opened.defer(() => browser.close());
  const { url } = platform;
  const friends = opened.use(new AsyncDisposableStack());
  const open = opened.move();
  const faults: string[] = [];
  return {
    url,
    browser,
    get platform() {
      return platform;
    },
    visit: (options = {}) => visit(browser, { origin: url, ...options }, faults),
    async befriend(username) {
      const client = createClient({ url, store: openMemoryStore(), provider: nodeProvider });
      friends.defer(() => client.close());
      await client.register({ username, password: PASSWORD });
      await client.connect();
      return client;
    },
    async restart(whileDown) {
      const { dataDirectory, close } = platform;
      await platform.kill();
      try {
        await whileDown?.();
      } finally {
        platform = { ...(await startStandalone({ dataDirectory, environment: variables })), close };
      }
    },
    async close() {
      await open.disposeAsync();
      expect(faults).toEqual([]);
    },
  };
}

async function visit(
  browser: Browser,
  { path = '/', origin, complaint, ...options }: VisitOptions & { readonly origin: string },
  faults: string[],
): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(TIMEOUT_MS);
  await noteFaults(context, { origin, complaint }, (fault) => faults.push(fault));
  const page = await context.newPage();
  await page.goto(`${origin}${path}`);
  return { page, context };
}

/**
 * Takes down what the pages complain of, by the test that runs then: errors on the console, uncaught ones, what the policy has
 * stopped, and requests to anybody else.
 */
async function noteFaults(
  context: BrowserContext,
  { origin, complaint }: { readonly origin: string; readonly complaint: RegExp | undefined },
  note: (fault: string) => void,
): Promise<void> {
  const add = (fault: string) => {
    if (complaint?.test(fault) === true) return;
    note(`${expect.getState().currentTestName ?? 'before the tests'}: ${fault}`);
  };
  const { host } = new URL(origin);
  const look = (address: string) => {
    const url = new URL(address);
    if (/^(http|ws)s?:$/.test(url.protocol) && url.host !== host) add(`asks for ${address}`);
  };
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { effectiveDirective, blockedURI, sourceFile, sample } = event;
      reportError(new Error(`policy: ${effectiveDirective} ${blockedURI} ${sourceFile} ${sample}`));
    });
  });
  context.on('weberror', (error) => add(`uncaught: ${error.error().message}`));
  context.on('console', (message) => {
    // What a browser says of requests is no complaint: that they fail is part of a client's life.
    const isOurs = !/^(Failed to load resource|WebSocket connection)/.test(message.text());
    if (message.type() === 'error' && isOurs) add(message.text());
  });
  context.on('request', (request) => look(request.url()));
  context.on('page', (page) => page.on('websocket', (socket) => look(socket.url())));
}

/**
 * Fails when the page, as it is now, keeps somebody with a disability out: what axe calls serious or critical, of some rules or
 * of all. Looks at the dialog alone where one is open, for nothing else can be reached then.
 */
export async function expectAccessible(page: Page, rules?: string[]): Promise<void> {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async (runOnly) => {
    const { axe: engine } = globalThis as typeof globalThis & { axe: typeof axe };
    const subject = document.querySelector('dialog[open]') ?? document;
    const found = await engine.run(subject, {
      resultTypes: ['violations'],
      ...(runOnly !== undefined && { runOnly }),
    });
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => ({ id, at: nodes.map(({ html, any }) => [html, any[0]?.message]) }));
  }, rules);
  expect(violations).toEqual([]);
}

/** The same by day and by night: of a theme only the colours are its own. */
export async function expectAccessibleInBothThemes(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await expectAccessible(page);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await expectAccessible(page, ['color-contrast']);
}

/** Fails when something of the page reaches beyond the window. */
export async function expectWithinWindow(page: Page): Promise<void> {
  const widths = () => document.documentElement.scrollWidth - innerWidth;
  expect(await page.evaluate(widths)).toBeLessThanOrEqual(0);
}

/** Makes an account in the page's entrance, and waits until its conversations are there. Gives the recovery code. */
export async function register(page: Page, username: string): Promise<string> {
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  const code = await page.getByRole('status').first().textContent();
  await page.getByRole('checkbox', { name: 'I have kept it' }).check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await atHome(page);
  return code ?? expect.fail('no recovery code was shown');
}

/** Waits until the page is in the browser's cache, so that it opens without the platform. */
export async function keptOffline(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
}

/** Waits until somebody is in. A narrow window may show the list or what was chosen of it. */
export async function atHome(page: Page): Promise<void> {
  await page.locator('nav[aria-label=Sotto]').waitFor({ state: 'attached' });
}
