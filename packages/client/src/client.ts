/** `createClient`: the parts put together, and what an application calls. */
import type { ConversationId, MessageId, UserId } from '@sotto/api';
import { type LocalParty, nobleProvider, type Provider } from '@sotto/crypto';
import {
  type Credentials,
  findAccount,
  logIn,
  logOut,
  type Me,
  registerAccount,
} from './account.ts';
import { createArrivals } from './arrivals.ts';
import { createCall } from './call.ts';
import { type Connection, openConnection } from './connection.ts';
import type { Content } from './content.ts';
import {
  findUserByName,
  type HistoryRange,
  listKnownConversations,
  openDirectConversation,
  readHistory,
} from './conversations.ts';
import { ClientError } from './errors.ts';
import { type ClientEvent, createEvents, type Listener } from './events.ts';
import { type FileInput, fetchFile, type OpenedFile, storeFile } from './files.ts';
import { createExchange } from './http.ts';
import { enqueue } from './outbox.ts';
import { acceptIdentity, type PeerDeps } from './peers.ts';
import { makeFirstKeys } from './prekeys.ts';
import type { ConversationRecord, HistoryItem, Message, Place } from './records.ts';
import { whenStored } from './sent-message.ts';
import { loadLocalParty } from './sessions.ts';
import type { Store } from './store.ts';
import { createTokens } from './tokens.ts';

export interface ClientOptions {
  /** Origin of the platform, such as `https://chat.example.org`. */
  readonly url: string;
  /** Where this device keeps its keys and messages. It is the client's from now on, which closes it. */
  readonly store: Store;
  /** Cryptographic primitives. In Node give `nodeProvider` of `@sotto/crypto/node`: it is ten times faster. */
  readonly provider?: Provider;
  readonly fetch?: typeof globalThis.fetch;
  readonly WebSocket?: typeof globalThis.WebSocket;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** One device of one account. Every method rejects with `client.closed` after `close`. */
export interface Client {
  /** Who this store belongs to, or undefined before the first log-in. */
  me(): Promise<Me | undefined>;
  /** Makes an account with this store as its first device. */
  register(credentials: Credentials): Promise<Me>;
  /** Logs in on the device of this store, or as a new device when the store is empty. */
  login(credentials: Credentials): Promise<Me>;
  /** Disconnects and ends the session. Keys and messages stay in the store. */
  logout(): Promise<void>;
  /**
   * Publishes this device's keys and connects; resolves once the platform has answered. From then on the client
   * connects again by itself, and sends and receives. Rejects only when trying again is of no use.
   */
  connect(): Promise<void>;
  /** Ends everything and closes the store. Nothing unsent or unseen is lost. */
  close(): Promise<void>;
  /** Calls `listener` at each event of a name; gives back the function that ends that. */
  on<E extends ClientEvent>(name: E, listener: Listener<E>): () => void;
  /** Messages as they arrive, each at least once over any crash, counted as taken when the loop comes round. */
  messages(): AsyncGenerator<Message, void>;
  /** A conversation as this store has it, oldest first. */
  history(conversation: ConversationId, range?: HistoryRange): Promise<HistoryItem[]>;
  conversations(): Promise<ConversationRecord[]>;
  /** A user by exact name, without case. A name that is seconds old may not be known yet. */
  findUser(username: string): Promise<{ user: UserId; username: string } | undefined>;
  /** The conversation with one other user; the same one each time. */
  openDirect(user: UserId): Promise<ConversationRecord>;
  /** Resolves once the message is in the store. It is sent as soon as there is a connection, in order, once. */
  sendText(conversation: ConversationId, text: string): Promise<{ id: MessageId }>;
  /** Encrypts and uploads a file, then sends its reference like a text. Needs a connection until it resolves. */
  sendFile(conversation: ConversationId, file: FileInput): Promise<{ id: MessageId }>;
  openFile(message: Message): Promise<OpenedFile>;
  /** Resolves when a message of this device is on the platform's disk. Rejects with `message.refused`. */
  whenStored(id: MessageId): Promise<Place>;
  /** Goes on with a contact whose identity key has changed, after the safety numbers were compared. */
  acceptIdentity(user: UserId): Promise<void>;
}

/** A client for one store. Nothing happens before a method is called. */
export function createClient(options: ClientOptions): Client {
  const { url, store, provider = nobleProvider, clock = Date.now } = options;
  const closing = new AbortController();
  const events = createEvents();
  const fetch = options.fetch ?? globalThis.fetch;
  const exchange = createExchange({ url, fetch, signal: closing.signal });
  const onEnded = () => events.emit('logged-out', {});
  const tokens = createTokens({ store, exchange, clock, onEnded });
  const call = createCall(exchange, tokens);
  const account = { store, exchange, call, tokens, clock };
  const arrivals = createArrivals(store);
  let local: Promise<LocalParty> | undefined;
  let connection: Connection | undefined;

  /** What needs to know who we are; an account, once made, does not change. */
  async function peerDeps(): Promise<PeerDeps> {
    local ??= loadLocalParty(store, provider);
    local.catch(() => {
      local = undefined;
    });
    return { store, provider, call, events, clock, local: await local };
  }

  async function become(login: Promise<Me>): Promise<Me> {
    const me = await login;
    await makeFirstKeys(store, provider);
    return me;
  }

  async function disconnect(): Promise<void> {
    const open = connection;
    connection = undefined;
    await open?.close();
  }

  async function send(conversation: ConversationId, content: Content): Promise<{ id: MessageId }> {
    const deps = await peerDeps();
    const message = { conversation, content };
    const id = await store.transaction((transaction) => enqueue(deps, transaction, message));
    connection?.wake(conversation);
    return { id };
  }

  return {
    me: () => findAccount(store),
    register: (credentials) => become(registerAccount(account, credentials)),
    login: (credentials) => become(logIn(account, credentials)),
    async logout() {
      await disconnect();
      await logOut(account);
      events.emit('logged-out', {});
    },
    async connect() {
      const deps = await peerDeps();
      if (closing.signal.aborted) throw new ClientError('client.closed', 'the client was closed');
      connection ??= openConnection({
        ...deps,
        url,
        WebSocket: options.WebSocket ?? globalThis.WebSocket,
        random: Math.random,
        onArrival: arrivals.ring,
      });
      await connection.opened;
    },
    async close() {
      arrivals.close();
      closing.abort();
      await disconnect();
      await store.close();
    },
    on: events.on,
    messages: arrivals.messages,
    history: (conversation, range = {}) => readHistory(store, conversation, range),
    conversations: () => listKnownConversations(store),
    findUser: (username) => findUserByName(call, username),
    openDirect: (user) => openDirectConversation({ store, call }, user),
    sendText: (conversation, text) => send(conversation, { type: 'text', text }),
    async sendFile(conversation, input) {
      const file = await storeFile({ provider, call }, conversation, input);
      return send(conversation, { type: 'file', file });
    },
    openFile: (message) => fetchFile({ provider, call }, message),
    async whenStored(id) {
      return whenStored(await peerDeps(), id, closing.signal);
    },
    async acceptIdentity(user) {
      await acceptIdentity(store, user);
      connection?.wake();
    },
  };
}
