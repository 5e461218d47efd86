import { describe, expect, test } from 'vitest';
import { dropOtherShells, shellPath } from './shell-cache.ts';

const HERE = 'https://chat.example.org';
const ask = (path: string, more: { method?: string; mode?: RequestMode } = {}) =>
  shellPath({ method: 'GET', mode: 'cors', url: new URL(path, HERE).href, ...more }, HERE);

describe('what is answered without the network', () => {
  test.each(['/', '/c/0197c0de', '/settings', '/settings/devices', '/requests', '/safety/1'])(
    'every place of the client is the page: %s',
    (path) => {
      expect(ask(path, { mode: 'navigate' })).toBe('/');
    },
  );

  test.each(['/assets/page-Ab12.js', '/icons/icon-192.png', '/icon.svg'])('a file: %s', (path) => {
    expect(ask(path)).toBe(path);
  });
});

describe('what is left to the network', () => {
  test.each([
    '/api/v1/messages/inbox',
    '/api/v1/files/1',
    '/.well-known/jwks.json',
    '/service-worker.js',
    'https://elsewhere.example/assets/page-Ab12.js',
  ])('%s', (path) => {
    expect(ask(path)).toBeUndefined();
  });

  test.each(['/docs', '/redoc', '/api/v1/auth/me'])('documents of the platform: %s', (path) => {
    expect(ask(path, { mode: 'navigate' })).toBeUndefined();
  });

  test('everything that changes something', () => {
    expect(ask('/', { method: 'POST', mode: 'navigate' })).toBeUndefined();
  });
});

test('of all versions one stays, and caches of somebody else are left alone', async () => {
  const names = new Set(['sotto-shell-old', 'sotto-shell-new', 'another']);
  const storage = {
    keys: async () => [...names],
    delete: async (name: string) => names.delete(name),
    open: () => expect.fail('nothing is read'),
  };
  await dropOtherShells(storage, { version: 'new', files: [] });
  expect([...names]).toEqual(['sotto-shell-new', 'another']);
});
