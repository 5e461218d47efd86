import { expect, test } from 'vitest';
import { type Container, watchShell } from './shell-updates.ts';

/** A page that a service worker serves, or does not yet; and how often it was loaded again when another worker took over. */
function openPage({ isServed }: { isServed: boolean }) {
  const events = new EventTarget();
  const container: Container = {
    controller: isServed ? { postMessage: () => undefined } : null,
    addEventListener: (name, listener) => events.addEventListener(name, listener),
    register: () => Promise.reject(new TypeError('no connection')),
  };
  let reloads = 0;
  const reload = () => {
    reloads += 1;
  };
  watchShell(container, { time: Promise.resolve(), reload });
  return {
    takeOver: () => events.dispatchEvent(new Event('controllerchange')),
    reloads: () => reloads,
  };
}

test('every page of a version reloads when another one takes over', () => {
  const page = openPage({ isServed: true });
  page.takeOver();
  expect(page.reloads()).toBe(1);
});

test('the first service worker of all changes nothing, the one after it does', () => {
  const page = openPage({ isServed: false });
  page.takeOver();
  expect(page.reloads()).toBe(0);
  page.takeOver();
  expect(page.reloads()).toBe(1);
});
