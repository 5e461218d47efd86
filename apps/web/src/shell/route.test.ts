import { expect, test } from 'vitest';
import { pathOf, type Route, routeOf } from './route.ts';

const ID = '0197c0de-0000-7000-8000-000000000001' as Extract<
  Route,
  { name: 'chat' }
>['conversation'];
const USER = '0197c0de-0000-7000-8000-000000000002' as Extract<Route, { name: 'safety' }>['user'];

test.each<[string, Route]>([
  ['/', { name: 'conversations' }],
  [`/c/${ID}`, { name: 'chat', conversation: ID }],
  ['/settings', { name: 'settings' }],
  ['/settings/devices', { name: 'settings', page: 'devices' }],
  ['/requests', { name: 'requests' }],
  [`/safety/${USER}`, { name: 'safety', user: USER }],
])('%s and its place lead to each other', (path, route) => {
  expect(routeOf(path)).toEqual(route);
  expect(pathOf(route)).toBe(path);
});

test.each(['/c/', '/c/../etc', `/c/${ID}/more`, '/safety/alice', '/requests/1', '/elsewhere'])(
  '%s means nothing, and leads to the conversations',
  (path) => {
    expect(routeOf(path)).toEqual({ name: 'conversations' });
  },
);

test('settings that there are none of lead to the list of them', () => {
  expect(routeOf('/settings/nonsense')).toEqual({ name: 'settings' });
});
