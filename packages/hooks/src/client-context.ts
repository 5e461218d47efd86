/** Which client a tree of components speaks to. */
import type { Client } from '@sotto/client';
import { createContext, useContext } from 'react';

const ClientContext = createContext<Client | undefined>(undefined);

/** Gives a client to everything inside it. */
export const ClientProvider = ClientContext.Provider;

/** The client of the nearest provider. Throws outside of one, which is a bug of the application. */
export function useClient(): Client {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error('useClient is used outside a ClientProvider');
  return client;
}
