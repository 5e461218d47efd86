/** The service worker: the page without a connection, and what wakes this device. It knows no key and no message. */
import { scope } from './scope.ts';
import { answerFromShell, dropOtherShells, keepShell, shellPath } from './shell-cache.ts';

const { SHELL } = scope;

scope.addEventListener('install', (event) => event.waitUntil(keepShell(caches, SHELL)));

// All pages reload by that. Until they have, they may ask for files of the version before.
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()));

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const path = shellPath(request, location.origin);
  if (path !== undefined) event.respondWith(answerFromShell(caches, SHELL, { path, request }));
});

// A new version waits until the person wants it: two versions of the page never share one store by surprise.
scope.addEventListener('message', (event) => {
  if (event.data === 'take-over') event.waitUntil(scope.skipWaiting());
  // A page of this version is whole: the one before is needed no more. The next one is, when it is on its way.
  const { installing, waiting } = scope.registration;
  const isLast = installing === null && waiting === null;
  if (event.data === 'settled' && isLast) event.waitUntil(dropOtherShells(caches, SHELL));
});

// A push says nothing of what came, and asks for something to be shown: that something came.
scope.addEventListener('push', (event) => event.waitUntil(notify()));

// A page that nobody looks at says so as well: the platform wakes only who is away.
scope.addEventListener('message', (event) => {
  if (event.data === 'unread') event.waitUntil(notifyAway());
});

scope.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(showPage());
});

/** So soon after another one it tells nothing new: all pages say it of the same message. */
const QUIET_MS = 2000;
let quietUntil = 0;

async function notifyAway(): Promise<void> {
  const pages = await scope.clients.matchAll({ type: 'window' });
  if (pages.some(({ focused }) => focused) || Date.now() < quietUntil) return;
  quietUntil = Date.now() + QUIET_MS;
  await notify();
}

/** In the place of the one before, and with a sound as that had. */
function notify(): Promise<void> {
  return scope.registration.showNotification('Sotto', {
    body: 'You have new messages',
    icon: '/icons/icon-192.png',
    badge: '/icons/badge-96.png',
    tag: 'messages',
    renotify: true,
  });
}

async function showPage(): Promise<void> {
  const pages = await scope.clients.matchAll({ type: 'window' });
  const page = pages.find(({ visibilityState }) => visibilityState === 'visible') ?? pages[0];
  if (page === undefined) await scope.clients.openWindow('/');
  else await page.focus();
}
