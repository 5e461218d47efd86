/** Where in the client somebody is, as the address of the page: a reload and a link lead to the same place. */
import type { ConversationView } from '@sotto/client';
import { useSyncExternalStore } from 'react';

type ConversationId = ConversationView['id'];
type UserId = ConversationView['members'][number];

/** The pages of the settings. */
export const SETTINGS_PAGES = [
  'profile',
  'devices',
  'privacy',
  'backup',
  'appearance',
  'notifications',
  'account',
] as const;
export type SettingsPage = (typeof SETTINGS_PAGES)[number];

/** A place in the client. */
export type Route =
  | { readonly name: 'conversations' }
  | { readonly name: 'chat'; readonly conversation: ConversationId }
  | { readonly name: 'settings'; readonly page?: SettingsPage }
  | { readonly name: 'requests' }
  | { readonly name: 'safety'; readonly user: UserId };

const HOME: Route = { name: 'conversations' };
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The address of a place. */
export function pathOf(route: Route): string {
  switch (route.name) {
    case 'conversations':
      return '/';
    case 'chat':
      return `/c/${route.conversation}`;
    case 'settings':
      return route.page === undefined ? '/settings' : `/settings/${route.page}`;
    case 'requests':
      return '/requests';
    case 'safety':
      return `/safety/${route.user}`;
  }
}

/** The place of an address; the list of conversations for one that means nothing. */
export function routeOf(path: string): Route {
  const [first = '', second = '', ...more] = path.replace(/^\/|\/$/g, '').split('/');
  if (more.length > 0) return HOME;
  if (first === 'c' && ID.test(second)) {
    return { name: 'chat', conversation: second as ConversationId };
  }
  if (first === 'safety' && ID.test(second)) return { name: 'safety', user: second as UserId };
  if (first === 'requests' && second === '') return { name: 'requests' };
  if (first !== 'settings') return HOME;
  const page = SETTINGS_PAGES.find((name) => name === second);
  return page === undefined ? { name: 'settings' } : { name: 'settings', page };
}

/** Goes to a place. With `replace` the way back leads past where somebody is now. */
export function navigate(route: Route, { replace = false }: { replace?: boolean } = {}): void {
  const path = pathOf(route);
  if (path === location.pathname) return;
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  for (const listener of listeners) listener();
}

/** Goes to where somebody came from; to the list for who came by an address. */
export function goBack(): void {
  if (history.length > 1) history.back();
  else navigate(HOME, { replace: true });
}

/** Where somebody is. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}

const listeners = new Set<() => void>();
let last: { path: string; route: Route } = { path: '', route: HOME };

function current(): Route {
  if (last.path !== location.pathname) {
    last = { path: location.pathname, route: routeOf(location.pathname) };
  }
  return last.route;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    removeEventListener('popstate', listener);
  };
}
