/**
 * What a person has to know about whom to believe: what waits for a decision, and what has happened since the application
 * was opened. What waits is read from the store, so no end of it loses any.
 */
import type { Alarms, Client, ClientEvents, Observable } from '@sotto/client';
import type { ConversationId, UserId } from './ids.ts';

/** Why a list of devices gives reason to be careful. */
export type ListWarning = ClientEvents['device-list-warning']['warning'];

/** Something that has happened, to be told once. */
export type AlarmNotice =
  | { readonly kind: 'store-behind' }
  | { readonly kind: 'history-lost' }
  | { readonly kind: 'key-log-restored'; readonly time: number };

/** Everything at once. */
export interface AlarmView extends Alarms {
  readonly brokenGroups: readonly ConversationId[];
  readonly listWarnings: ReadonlyMap<UserId, ListWarning>;
  readonly notices: readonly AlarmNotice[];
}

/** The one book of a client. */
export interface AlarmBook extends Observable<AlarmView> {
  /** The person has seen a notice. */
  readonly dismiss: (notice: AlarmNotice) => void;
  /** The person has seen the warning about somebody's devices. */
  readonly dismissWarning: (user: UserId) => void;
  /** Reads what waits anew, after a decision. Rejects as reading the store does. */
  readonly refresh: () => Promise<void>;
}

/** What the book needs of a client. */
export type BookDeps = Pick<Client, 'on' | 'alarms' | 'conversations'>;

const NOTHING: AlarmView = {
  identityChanged: [],
  logBroken: [],
  brokenGroups: [],
  listWarnings: new Map(),
  notices: [],
};

const books = new WeakMap<BookDeps, AlarmBook>();

/** The book of a client, kept from the first time that somebody asks for it: applications do at once. */
export function alarmsOf(client: BookDeps): AlarmBook {
  const book = books.get(client) ?? openAlarmBook(client);
  books.set(client, book);
  return book;
}

/** Opens a book: reads what waits, and listens from now on. */
export function openAlarmBook(client: BookDeps): AlarmBook {
  const listeners = new Set<() => void>();
  let view = NOTHING;
  const set = (change: Partial<AlarmView>): void => {
    view = { ...view, ...change };
    for (const listener of [...listeners]) listener();
  };
  /** Which of the questions was asked last, and which was answered by what is shown. */
  let [asked, shown] = [0, 0];
  const refresh = async (): Promise<void> => {
    asked += 1;
    const mine = asked;
    const [alarms, conversations] = await Promise.all([client.alarms(), client.conversations()]);
    // Somebody was warned by a later answer: an older one does not take that back.
    if (mine < shown) return;
    shown = mine;
    const brokenGroups = conversations.flatMap((one) =>
      one.kind === 'group' && one.broken !== undefined ? [one.id] : [],
    );
    const { general: _, ...rest } = view;
    view = rest;
    set({ ...alarms, brokenGroups });
  };
  const add = (notice: AlarmNotice): void => {
    const others = view.notices.filter(({ kind }) => kind !== notice.kind);
    set({ notices: [...others, notice] });
  };
  listen(client, { add, refresh, warn: (user, warning) => set(warned(view, user, warning)) });
  // What cannot be read now is read with the next event; a closed client has no more to tell.
  refresh().catch(() => undefined);
  return {
    get: () => view,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dismiss: (notice) => set({ notices: view.notices.filter((one) => one !== notice) }),
    dismissWarning: (user) => set(warned(view, user)),
    refresh,
  };
}

interface Hearing {
  readonly add: (notice: AlarmNotice) => void;
  readonly refresh: () => Promise<void>;
  readonly warn: (user: UserId, warning: ListWarning) => void;
}

function listen(client: BookDeps, { add, refresh, warn }: Hearing): void {
  const read = () => void refresh().catch(() => undefined);
  client.on('identity-changed', read);
  client.on('account-compromised', read);
  client.on('key-log-broken', read);
  client.on('group-broken', read);
  // A decision may have been made in another tab or program, or the identity renewed.
  client.on('conversation', read);
  client.on('connected', read);
  client.on('device-list-warning', ({ user, warning }) => warn(user, warning));
  client.on('store-behind', () => add({ kind: 'store-behind' }));
  client.on('history-lost', () => add({ kind: 'history-lost' }));
  client.on('key-log-restored', ({ time }) => add({ kind: 'key-log-restored', time }));
}

function warned(view: AlarmView, user: UserId, warning?: ListWarning): Partial<AlarmView> {
  const listWarnings = new Map(view.listWarnings);
  if (warning === undefined) listWarnings.delete(user);
  else listWarnings.set(user, warning);
  return { listWarnings };
}
