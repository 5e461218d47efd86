import { describe, expect, test } from 'vitest';
import { answerFromShell, dropOtherShells, shellPath } from './shell-cache.ts';

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

test('a page of the version before finds its files, and the page itself is the new one', async () => {
  const cacheOf = (files: Record<string, string>) => ({
    match: async (path: string) => (path in files ? new Response(files[path]) : undefined),
    put: () => expect.fail('nothing is fetched'),
  });
  const shells = {
    old: cacheOf({ '/': 'old', '/assets/chat-old.js': 'old chat' }),
    new: cacheOf({ '/': 'new' }),
  };
  const storage = {
    open: async () => shells.new,
    match: async (path: string) => (await shells.old.match(path)) ?? shells.new.match(path),
  };
  const answer = async (path: string) => {
    const asked = { path, request: new Request(new URL(path, HERE)) };
    const response = await answerFromShell(storage, { version: 'new', files: [] }, asked);
    return response.text();
  };
  expect(await answer('/assets/chat-old.js')).toBe('old chat');
  expect(await answer('/')).toBe('new');
});
