/** The one client of the page: whatever begins anew gives back what there was, also what was still being opened. */
import type { Client } from '@sotto/client';

/** A client, and its end. */
export interface OpenedClient {
  readonly client: Client;
  /** Gives the store back, and ends what runs for it. */
  readonly close: () => Promise<void>;
}

/** The place that a client has. */
export interface CurrentClient {
  /** Opens one in the place of the last. Of the two functions none is called when it was not waited for. */
  readonly open: (
    onOpen: (client: Client) => Promise<void>,
    onFailure: (error: unknown) => void,
  ) => void;
  /** Closes it, at once or when it is there. Rejects as closing does. */
  readonly close: () => Promise<void>;
}

/** An empty place. */
export function currentClient(openClient: () => Promise<OpenedClient>): CurrentClient {
  let current: OpenedClient | undefined;
  /** Raised by whatever makes a client that is still being opened nobody's. */
  let turn = 0;
  const close = async (): Promise<void> => {
    turn += 1;
    const last = current;
    current = undefined;
    await last?.close();
  };
  return {
    close,
    open(onOpen, onFailure) {
      const closed = close();
      const mine = turn;
      closed
        .then(openClient)
        .then(async (opened) => {
          if (mine !== turn) return opened.close();
          current = opened;
          await onOpen(opened.client);
        })
        .catch((error: unknown) => {
          if (mine === turn) onFailure(error);
        });
    },
  };
}
