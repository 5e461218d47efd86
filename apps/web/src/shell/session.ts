/** Whether somebody is logged in here, from the opening of the store to the end of the session. */
import { type Client, ClientError, type Me, type Observable } from '@sotto/client';
import { createContext, useContext } from 'react';
import { currentClient, type OpenedClient } from './current-client.ts';

/** How far this page is. */
export type SessionView =
  | { readonly stage: 'opening' }
  /** The store cannot be opened. */
  | { readonly stage: 'failed'; readonly error: unknown }
  /** Nobody has used this browser. */
  | { readonly stage: 'new'; readonly client: Client }
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
  readonly openClient: () => Promise<OpenedClient>;
  readonly removeStore: () => Promise<void>;
  /** Asks that the store stays: somebody has come to stay. */
  readonly keepStore: () => void;
  /** Another tab removes the store. */
  readonly onRemoval: (listener: () => void) => void;
  /** Nothing tells of the account's messages any more; on the platform only with a client that still may say so. */
  readonly endNotifications: (client?: Client) => Promise<void>;
}

/** Begins a session: opens the store, and connects when it holds an account. */
export function openSession(deps: SessionDeps): Session {
  const listeners = new Set<() => void>();
  let view: SessionView = { stage: 'opening' };
  const set = (next: SessionView): void => {
    view = next;
    for (const listener of listeners) listener();
  };
  const end = (client: Client, me: Me): void => {
    if (view.stage !== 'in' || view.client !== client) return;
    set({ stage: 'ended', client, me });
    void deps.endNotifications();
  };
  const enterWith = (client: Client, me: Me): void => {
    set({ stage: 'in', client, me });
    // Why it failed stands in the connection's state, which the page shows.
    client.connect().catch((error: unknown) => {
      if (isLoggedOut(error)) end(client, me);
    });
  };
  const clients = currentClient(deps.openClient);
  const open = (): void => {
    set({ stage: 'opening' });
    clients.open(
      async (client) => {
        client.on('logged-out', () => {
          if (view.stage === 'in') end(client, view.me);
        });
        const me = await client.me();
        if (me === undefined) set({ stage: 'new', client });
        else enterWith(client, me);
      },
      (error) => set({ stage: 'failed', error }),
    );
  };
  open();
  deps.onRemoval(() => {
    const error = new ClientError('account.missing', 'removed by another tab');
    set({ stage: 'failed', error });
    void clients.close();
  });
  return {
    get: () => view,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    open,
    enter(me) {
      if (view.stage !== 'new' && view.stage !== 'ended') return;
      deps.keepStore();
      enterWith(view.client, me);
    },
    async forget() {
      const { client } = 'client' in view ? view : {};
      set({ stage: 'opening' });
      try {
        await deps.endNotifications(client);
        await clients.close();
        await deps.removeStore();
        open();
      } catch (error) {
        set({ stage: 'failed', error });
      }
    },
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
