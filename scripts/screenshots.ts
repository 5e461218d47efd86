/**
 * Writes the pictures of the web client: `npm run screenshots` fills a platform of its own with people who talk, looks at it
 * through the browser at the widths of a phone, a tablet and a desk, light and dark, and writes `docs/screenshots/`.
 * Wants a Chromium, as `npm test` does; CHROMIUM names another one.
 */
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { atHome, keptOffline, openWeb, type Visit, type Web } from '../tests/web/browser.ts';
import { playScene, type Scene } from './screenshots/scene.ts';

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url));
const BYTES_MAX = 300_000;

type Theme = 'light' | 'dark';

/** The windows that are looked through. */
const WINDOWS = {
  390: { width: 390, height: 844 },
  768: { width: 768, height: 1024 },
  1280: { width: 1280, height: 800 },
} as const;
type Width = keyof typeof WINDOWS;

interface Shot {
  readonly name: string;
  /** Where in the client; the entrance of an empty browser when left out. */
  readonly path?: (scene: Scene) => string;
  readonly width: Width;
  readonly themes: readonly Theme[];
  /** What somebody does there before the picture. */
  readonly act?: (page: Page) => Promise<void>;
}

const BOTH = ['light', 'dark'] as const;

const SHOTS: readonly Shot[] = [
  { name: 'group', path: ({ group }) => `/c/${group}`, width: 1280, themes: BOTH },
  { name: 'group', path: ({ group }) => `/c/${group}`, width: 768, themes: BOTH },
  { name: 'group', path: ({ group }) => `/c/${group}`, width: 390, themes: BOTH },
  { name: 'chats', path: () => '/', width: 390, themes: BOTH },
  { name: 'chat', path: ({ jonas }) => `/c/${jonas}`, width: 390, themes: ['dark'] },
  {
    name: 'safety',
    path: ({ jonasUser }) => `/safety/${jonasUser}`,
    width: 390,
    themes: ['light'],
  },
  { name: 'settings', path: () => '/settings/devices', width: 1280, themes: BOTH },
  { name: 'requests', path: () => '/requests', width: 390, themes: BOTH },
  {
    name: 'members',
    path: ({ group }) => `/c/${group}`,
    width: 768,
    themes: BOTH,
    act: openMembers,
  },
  {
    name: 'right-to-left',
    path: ({ samir }) => `/c/${samir}`,
    width: 768,
    themes: ['light'],
    act: turnAround,
  },
  { name: 'welcome', width: 390, themes: BOTH },
  // The last ones: what comes without a connection comes again with it.
  {
    name: 'offline',
    path: ({ group }) => `/c/${group}`,
    width: 390,
    themes: BOTH,
    act: loseConnection,
  },
];

if (import.meta.main) {
  await main();
  process.channel?.unref();
}

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await using opened = new AsyncDisposableStack();
  const web = await openWeb();
  opened.defer(() => web.close());
  const scene = await playScene(web.url, web.browser);
  opened.defer(() => scene.close());
  const phone = await linkBrowser(web, scene.mira, 2);
  const desk = await linkBrowser(web, scene.mira, 1);
  await scene.goOn();
  // Whoever looks first reads what is new: no picture is to differ by that from the next.
  await desk.page.goto(`${web.url}/c/${scene.group}`);
  await settle(desk.page);
  for (const shot of SHOTS) {
    for (const theme of shot.themes) {
      const visit = shot.width === 390 ? phone : desk;
      const { page } = shot.path === undefined ? await web.visit({ deviceScaleFactor: 2 }) : visit;
      await take(page, { shot, theme, scene, url: web.url });
    }
  }
}

interface Taking {
  readonly shot: Shot;
  readonly theme: Theme;
  readonly scene: Scene;
  readonly url: string;
}

async function take(page: Page, { shot, theme, scene, url }: Taking): Promise<void> {
  const { name, path, width, act } = shot;
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.setViewportSize(WINDOWS[width]);
  await page.goto(url + (path?.(scene) ?? '/'));
  await page.waitForLoadState('load');
  if (path === undefined) await page.getByRole('heading').first().waitFor();
  else await atHome(page);
  await act?.(page);
  await settle(page, () => (name === 'group' ? scene.showTyping() : Promise.resolve()));
  const file = `${folder}${name}-${width}-${theme}.png`;
  await page.screenshot({ path: file, animations: 'disabled' });
  const { size } = statSync(file);
  console.log(`${file}  ${Math.ceil(size / 1000)} kB`);
  if (size > BYTES_MAX) throw new Error(`${file} is larger than ${BYTES_MAX} bytes`);
  await page.context().setOffline(false);
}

async function openMembers(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Conversation menu' }).click();
  await page.getByRole('menuitem', { name: 'Group info' }).click();
  await page.getByRole('dialog', { name: 'Group info' }).waitFor();
}

async function loseConnection(page: Page): Promise<void> {
  await keptOffline(page);
  await page.context().setOffline(true);
  await page.reload();
  await page.getByText('No connection.').waitFor();
}

/** The page as it is laid out for those who read from right to left. */
async function turnAround(page: Page): Promise<void> {
  await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
}

/** Waits until the page has looked the same for a while: pictures and names come one after another. */
async function settle(page: Page, stir: () => Promise<void> = async () => {}): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  let before = '';
  for (let quiet = 0, rounds = 0; quiet < 3 && rounds < 40; rounds++) {
    await stir();
    await page.waitForTimeout(400);
    const now = (await page.screenshot({ animations: 'disabled' })).toString('base64');
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

/** A browser that becomes one more device of somebody, with all that was said. */
async function linkBrowser(web: Web, owner: Scene['mira'], scale: number): Promise<Visit> {
  const visit = await web.visit({ deviceScaleFactor: scale });
  const { page } = visit;
  await page.getByRole('button', { name: 'I have an account' }).click();
  await page.getByRole('button', { name: 'Another device of mine' }).click();
  const code = await page.locator('code').filter({ hasText: 'sotto-link:' }).textContent();
  const { device } = await owner.completeLink(code ?? '', { history: true });
  await owner.renameDevice(device, scale === 2 ? 'Phone' : 'Studio iMac');
  await page.getByRole('button', { name: 'That is me' }).click();
  await atHome(page);
  // It asks once, and is to stand in no picture.
  await page.getByRole('button', { name: 'Not now' }).click();
  return visit;
}
