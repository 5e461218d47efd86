/** What an application gives a client. */
import type { Provider } from '@sotto/crypto';
import type { Store } from './store/store.ts';

export interface ClientOptions {
  /** Origin of the platform, such as `https://chat.example.org`, with its scheme. */
  readonly url: string;
  /** Where this device keeps its keys and messages. It is the client's from now on, which closes it. */
  readonly store: Store;
  /** Cryptographic primitives. In Node give `nodeProvider` of `@sotto/crypto/node`: it is ten times faster. */
  readonly provider?: Provider;
  /** Ed25519 keys of key log witnesses that you trust: what they have not all signed is not believed. */
  readonly witnesses?: readonly Uint8Array[];
  /** In Node give `nodeFetch` of `@sotto/client/node` for files: it does not copy what is sent. */
  readonly fetch?: typeof globalThis.fetch;
  readonly WebSocket?: typeof globalThis.WebSocket;
  /** Where `online` is heard, after which a lost connection is tried again at once: the page or the worker, unless given. */
  readonly network?: Partial<Pick<EventTarget, 'addEventListener'>>;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /**
   * False to open sessions whose tokens are good for whoever holds them. By default a session is bound to the device
   * key, which signs what changes keys, devices and the account; a device that has shown its key goes on doing so.
   */
  readonly proofs?: boolean;
}
