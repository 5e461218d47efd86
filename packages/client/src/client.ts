/** `createClient`: the parts put together, and what an application calls. */
import type { ConversationId, MessageId, UserId } from '@sotto/api';
import { type LocalParty, nobleProvider, type Provider, type SafetyNumber } from '@sotto/crypto';
import {
  type AccountDeps,
  type Credentials,
  findAccount,
  logIn,
  logOut,
  type Me,
  registerAccount,
} from './account.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { type Call, createCall } from './call.ts';
import { Connection } from './connection.ts';
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
import { OUTBOX_PER_CONVERSATION_MAX } from './limits.ts';
import { enqueue } from './outbox.ts';
import { acceptIdentity, compareIdentities, type PeerDeps } from './peers.ts';
import { makeFirstKeys } from './prekeys.ts';
import type { ConversationRecord, HistoryItem, Message, Place } from './records.ts';
import { readUnsent, type UnsentMessage, whenStored } from './sent-message.ts';
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

/** One device of one account. After `close` every method rejects with `client.closed` or `store.closed`. */
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
  /** Messages of a conversation that wait to be acknowledged by the platform, oldest first. */
  unsent(conversation: ConversationId): Promise<UnsentMessage[]>;
  /** Resolves when a message of this device is on the platform's disk. Rejects with `message.refused`. */
  whenStored(id: MessageId): Promise<Place>;
  /** Goes on with a contact whose identity key has changed, after the safety numbers were compared. */
  acceptIdentity(user: UserId): Promise<void>;
  /** What two people compare to know that nobody sits between them; after a change, that of the new identity. */
  safetyNumber(user: UserId): Promise<SafetyNumber>;
}

/** A client for one store. Nothing happens before a method is called. */
export function createClient(options: ClientOptions): Client {
  return new StoreClient(options);
}

class StoreClient implements Client {
  readonly #options: ClientOptions;
  readonly #store: Store;
  readonly #provider: Provider;
  readonly #closing = new AbortController();
  readonly #events = createEvents();
  readonly #call: Call;
  readonly #account: AccountDeps;
  readonly #arrivals: Arrivals;
  #local: LocalParty | undefined;
  #connection: Connection | undefined;

  constructor(options: ClientOptions) {
    const { url, store, fetch = globalThis.fetch, clock = Date.now } = options;
    this.#options = options;
    this.#store = store;
    this.#provider = options.provider ?? nobleProvider;
    const exchange = createExchange({ url, fetch, signal: this.#closing.signal });
    const onEnded = () => this.#events.emit('logged-out', {});
    const tokens = createTokens({ store, exchange, clock, onEnded });
    this.#call = createCall(exchange, tokens);
    this.#account = { store, exchange, call: this.#call, tokens, clock };
    this.#arrivals = createArrivals(store);
  }

  me() {
    return findAccount(this.#store);
  }

  register(credentials: Credentials) {
    return registerAccount(this.#account, credentials);
  }

  login(credentials: Credentials) {
    return logIn(this.#account, credentials);
  }

  async logout() {
    await this.#disconnect();
    await logOut(this.#account);
    this.#events.emit('logged-out', {});
  }

  async connect() {
    const deps = await this.#peerDeps();
    if (this.#closing.signal.aborted) {
      throw new ClientError('client.closed', 'the client was closed');
    }
    this.#connection ??= this.#openConnection(deps);
    await this.#connection.opened;
  }

  async close() {
    this.#arrivals.close();
    this.#closing.abort();
    await this.#disconnect();
    await this.#store.close();
  }

  on<E extends ClientEvent>(name: E, listener: Listener<E>) {
    return this.#events.on(name, listener);
  }

  messages() {
    return this.#arrivals.messages();
  }

  history(conversation: ConversationId, range: HistoryRange = {}) {
    return readHistory(this.#store, conversation, range);
  }

  conversations() {
    return listKnownConversations(this.#store);
  }

  findUser(username: string) {
    return findUserByName(this.#call, username);
  }

  openDirect(user: UserId) {
    return openDirectConversation({ store: this.#store, call: this.#call }, user);
  }

  sendText(conversation: ConversationId, text: string) {
    return this.#send(conversation, { type: 'text', text });
  }

  async sendFile(conversation: ConversationId, input: FileInput) {
    const deps = { provider: this.#provider, call: this.#call };
    const file = await storeFile(deps, conversation, input);
    return this.#send(conversation, { type: 'file', file });
  }

  openFile(message: Message) {
    return fetchFile({ provider: this.#provider, call: this.#call }, message);
  }

  unsent(conversation: ConversationId) {
    return readUnsent(this.#store, conversation, OUTBOX_PER_CONVERSATION_MAX);
  }

  async whenStored(id: MessageId) {
    return whenStored(await this.#peerDeps(), id, this.#closing.signal);
  }

  async safetyNumber(user: UserId) {
    return compareIdentities(await this.#peerDeps(), user);
  }

  async acceptIdentity(user: UserId) {
    await acceptIdentity(this.#store, user);
    this.#connection?.wake();
  }

  async #send(conversation: ConversationId, content: Content): Promise<{ id: MessageId }> {
    const deps = await this.#peerDeps();
    const message = { conversation, content };
    const id = await this.#store.transaction((transaction) => enqueue(deps, transaction, message));
    this.#connection?.wake(conversation);
    return { id };
  }

  #openConnection(deps: PeerDeps): Connection {
    const { url, WebSocket = globalThis.WebSocket } = this.#options;
    const connection: Connection = new Connection({
      ...deps,
      url,
      WebSocket,
      random: Math.random,
      onArrival: this.#arrivals.ring,
      onEnded: () => {
        if (this.#connection === connection) this.#connection = undefined;
      },
    });
    return connection;
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
  }

  /** What needs to know who we are. The keys of a new device are made here, so that a crash cannot skip that. */
  async #peerDeps(): Promise<PeerDeps> {
    const store = this.#store;
    const provider = this.#provider;
    if (this.#local === undefined) {
      await makeFirstKeys(store, provider);
      this.#local = await loadLocalParty(store, provider);
    }
    const { call, clock } = this.#account;
    return { store, provider, call, clock, events: this.#events, local: this.#local };
  }
}
