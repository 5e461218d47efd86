/**
 * What a person has to know about whom to believe: what waits for a decision, as the SDK's store has it, and what was told and
 * not dealt with yet, as the application has noted it. No end of the application loses any of the first, nor of the second
 * where notes outlast it.
 */
import type { Alarms, Client, ClientEvents, Observable } from '@sotto/client';
import type { ConversationId, UserId } from './ids.ts';
import { createSettable } from './settable.ts';

/** Why a list of devices gives reason to be careful. */
export type ListWarning = ClientEvents['device-list-warning']['warning'];

/** Something that has happened, to be told once. */
export type AlarmNotice =
  | { readonly kind: 'store-behind' }
  | { readonly kind: 'history-lost' }
  | { readonly kind: 'key-log-restored'; readonly time: number };

/** What was told, and a person has not dealt with. */
export interface Unseen {
  readonly notices: readonly AlarmNotice[];
  /** The newest warning about each person's devices. */
  readonly listWarnings: ReadonlyMap<UserId, ListWarning>;
}

/** Where that is noted. */
export interface UnseenNotes extends Observable<Unseen> {
  /** Notes what comes of what is noted now. */
  readonly change: (change: (unseen: Unseen) => Partial<Unseen>) => void;
}

/** Everything at once. */
export interface AlarmView extends Omit<Alarms, 'notices'>, Unseen {
  readonly brokenGroups: readonly ConversationId[];
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

/** What waits for a decision. */
type Waiting = Omit<AlarmView, keyof Unseen>;

const books = new WeakMap<BookDeps, AlarmBook>();

/**
 * The book of a client, kept from the first time that somebody asks for it: applications do at once, with notes of their own
 * where these are to outlast them.
 */
export function alarmsOf(client: BookDeps, openNotes = notesInMemory): AlarmBook {
  const book = books.get(client) ?? openAlarmBook(client, openNotes());
  books.set(client, book);
  return book;
}

/** Reads what waits, and listens from now on. */
function openAlarmBook(client: BookDeps, notes: UnseenNotes): AlarmBook {
  let waiting: Waiting = { identityChanged: [], logBroken: [], brokenGroups: [] };
  const view = createSettable<AlarmView>({ ...waiting, ...notes.get() });
  const show = () => view.set({ ...waiting, ...notes.get() });
  notes.subscribe(show);
  /** Which of the questions was asked last, and which was answered by what is shown. */
  let [asked, shown] = [0, 0];
  const refresh = async (): Promise<void> => {
    asked += 1;
    const mine = asked;
    const answer = await readWaiting(client);
    // Somebody was warned by a later answer: an older one does not take that back.
    if (mine < shown) return;
    shown = mine;
    waiting = answer;
    show();
  };
  listen(client, notes, () => void refresh().catch(() => undefined));
  // What cannot be read now is read with the next event; a closed client has no more to tell.
  refresh().catch(() => undefined);
  return {
    get: view.get,
    subscribe: view.subscribe,
    dismiss: ({ kind }) => notes.change(({ notices }) => ({ notices: without(notices, kind) })),
    dismissWarning: (user) =>
      notes.change(({ listWarnings }) => {
        const others = new Map(listWarnings);
        others.delete(user);
        return { listWarnings: others };
      }),
    refresh,
  };
}

function notesInMemory(): UnseenNotes {
  const unseen = createSettable<Unseen>({ notices: [], listWarnings: new Map() });
  return {
    get: unseen.get,
    subscribe: unseen.subscribe,
    change: (change) => unseen.set({ ...unseen.get(), ...change(unseen.get()) }),
  };
}

async function readWaiting(client: BookDeps): Promise<Waiting> {
  const [alarms, conversations] = await Promise.all([client.alarms(), client.conversations()]);
  const { notices: _, ...waiting } = alarms; // Noted by the application so far: see `UnseenNotes`.
  const brokenGroups = conversations.flatMap((one) =>
    one.kind === 'group' && one.broken !== undefined ? [one.id] : [],
  );
  return { ...waiting, brokenGroups };
}

function listen(client: BookDeps, notes: UnseenNotes, read: () => void): void {
  client.on('identity-changed', read);
  client.on('account-compromised', read);
  client.on('key-log-broken', read);
  client.on('group-broken', read);
  // A decision may have been made in another tab or program, or the identity renewed.
  client.on('conversation', read);
  client.on('connected', read);
  const add = (notice: AlarmNotice) =>
    notes.change(({ notices }) => ({ notices: [...without(notices, notice.kind), notice] }));
  client.on('store-behind', () => add({ kind: 'store-behind' }));
  client.on('history-lost', () => add({ kind: 'history-lost' }));
  client.on('key-log-restored', ({ time }) => add({ kind: 'key-log-restored', time }));
  client.on('device-list-warning', ({ user, warning }) =>
    notes.change(({ listWarnings }) => ({
      listWarnings: new Map(listWarnings).set(user, warning),
    })),
  );
}

function without(
  notices: readonly AlarmNotice[],
  kind: AlarmNotice['kind'],
): readonly AlarmNotice[] {
  return notices.filter((one) => one.kind !== kind);
}
