/** Whether somebody is logged in here, from the opening of the store to the end of the session. */
import { type Client, ClientError, type Me, type Observable } from '@sotto/client';
import { createSettable, type Settable } from '@sotto/hooks';
import { createContext, useContext } from 'react';
import { currentClient, type OpenedClient } from './current-client.ts';

/**
 * Gives the one client of this browser. Where nobody was before, its code is fetched and a store made by the first call; that
 * rejects as opening does, and the next one tries again.
 */
export type OpenClient = () => Promise<Client>;

/** How far this page is. */
export type SessionView =
  | { readonly stage: 'opening' }
  /** The store cannot be opened. */
  | { readonly stage: 'failed'; readonly error: unknown }
  /** Nobody has used this browser. */
  | { readonly stage: 'new'; readonly openClient: OpenClient }
  /** The account of this browser has to log in again. */
  | { readonly stage: 'ended'; readonly client: Client; readonly me: Me }
  | { readonly stage: 'in'; readonly client: Client; readonly me: Me };

/** What the page can ask of the session. */
export interface Session extends Observable<SessionView> {
  /** Opens the store again, after it failed. */
  readonly open: () => void;
  /** Goes in: the store holds this account now, and it may connect. */
  readonly enter: (me: Me) => void;
  /** Removes the account's keys and messages from this browser for ever, and begins anew. */
  readonly forget: () => Promise<void>;
}

/** Where clients come from and how their stores go. */
export interface SessionDeps {
  /** Whether anything was ever stored here. */
  readonly hasStore: () => Promise<boolean>;
  readonly openClient: () => Promise<OpenedClient>;
  readonly removeStore: () => Promise<void>;
  /** Asks that the store stays: somebody has come to stay. */
  readonly keepStore: () => void;
  /** Another tab removes the store. */
  readonly onRemoval: (listener: () => void) => void;
  /** Nothing tells of the account's messages any more; on the platform only with a client that still may say so. */
  readonly endNotifications: (client?: Client) => Promise<void>;
}

/** Begins a session: opens the store if there is one, and connects when it holds an account. */
export function openSession(deps: SessionDeps): Session {
  const view = createSettable<SessionView>({ stage: 'opening' });
  const fail = (error: unknown) => view.set({ stage: 'failed', error });
  const clients = currentClient(deps.openClient);
  /** Of the store that is open. */
  let opened: Client | undefined;
  /** Never settles when something else has begun meanwhile. */
  const openStore = (): Promise<Client> =>
    new Promise((resolve, reject) => {
      clients.open(async (client) => {
        opened = client;
        client.on('logged-out', () => goOut(view, deps, client));
        const me = await client.me();
        if (me !== undefined) goIn(view, deps, { client, me });
        resolve(client);
      }, reject);
    });
  const closeStore = (): Promise<void> => {
    opened = undefined;
    return clients.close();
  };
  let openings = 0;
  const begin = async (mine: number): Promise<void> => {
    // What a browser does not tell is found out by opening.
    const hasStore = await deps.hasStore().catch(() => true);
    if (mine !== openings) return;
    const client = hasStore ? await openStore() : undefined;
    if (view.get().stage !== 'opening') return;
    const openClient = client === undefined ? untilDone(openStore) : async () => client;
    view.set({ stage: 'new', openClient });
  };
  const open = (): void => {
    openings += 1;
    view.set({ stage: 'opening' });
    begin(openings).catch(fail);
  };
  open();
  deps.onRemoval(() => {
    if (view.get().stage === 'new' && opened === undefined) return;
    openings += 1;
    fail(new ClientError('account.missing', 'removed by another tab'));
    void closeStore();
  });
  return {
    get: view.get,
    subscribe: view.subscribe,
    open,
    enter(me) {
      const { stage } = view.get();
      if (opened === undefined || (stage !== 'new' && stage !== 'ended')) return;
      deps.keepStore();
      goIn(view, deps, { client: opened, me });
    },
    async forget() {
      const client = opened;
      view.set({ stage: 'opening' });
      try {
        await deps.endNotifications(client);
        await closeStore();
        await deps.removeStore();
        open();
      } catch (error) {
        fail(error);
      }
    },
  };
}

type View = Settable<SessionView>;

/** Shows an account, and connects it. */
function goIn(view: View, deps: SessionDeps, who: { client: Client; me: Me }): void {
  view.set({ stage: 'in', ...who });
  // Why it failed stands in the connection's state, which the page shows.
  who.client.connect().catch((error: unknown) => {
    if (isLoggedOut(error)) goOut(view, deps, who.client);
  });
}

/** The session of a client has ended. */
function goOut(view: View, deps: SessionDeps, client: Client): void {
  const now = view.get();
  if (now.stage !== 'in' || now.client !== client) return;
  view.set({ stage: 'ended', client, me: now.me });
  void deps.endNotifications();
}

/** Does it once, for all who ask; after a failure, again. */
function untilDone<T>(work: () => Promise<T>): () => Promise<T> {
  let going: Promise<T> | undefined;
  return () => {
    going ??= work().catch((error: unknown) => {
      going = undefined;
      throw error;
    });
    return going;
  };
}

function isLoggedOut(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'account.logged-out';
}

const SessionContext = createContext<Session | undefined>(undefined);

/** Gives the page's session to everything inside it. */
export const SessionProvider = SessionContext.Provider;

/** The page's session. Throws outside of a `SessionProvider`, which is a bug of the page. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession is used outside a SessionProvider');
  return session;
}
