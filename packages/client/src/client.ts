/** `createClient`: the parts put together, and what an application calls. */
import {
  ConversationId,
  changePassword,
  type DeviceId,
  deleteAccount,
  endSession,
  exportAccount,
  listSessions,
  logoutEverywhere,
  type MessageId,
  renewRecoveryCode,
  type SessionId,
  type UserId,
} from '@sotto/api';
import { type LocalParty, nobleProvider, type Provider } from '@sotto/crypto';
import {
  type AccountDeps,
  type Credentials,
  findAccount,
  forgetTokens,
  logIn,
  logInAgain,
  logInByDevice,
  logOut,
  type NewAccount,
  type Recovery,
  recoverAccount,
  registerAccount,
} from './account.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { type Call, createCall } from './call.ts';
import type { Client, ClientOptions } from './client-interface.ts';
import { Connection } from './connection.ts';
import type { Content } from './content.ts';
import {
  findUserByName,
  type HistoryRange,
  listKnownConversations,
  openDirectConversation,
  readHistory,
} from './conversations.ts';
import { type HeldDeviceKey, holdDeviceKey } from './device-key.ts';
import { listOwnDevices, nameOwnDevice } from './devices.ts';
import { ClientError } from './errors.ts';
import { type ClientEvent, createEvents, type Listener } from './events.ts';
import type { FileInput } from './file-input.ts';
import { createFiles, type Files, type OpenFileOptions, type SendFileOptions } from './files.ts';
import type { Message } from './history-item.ts';
import { createExchange } from './http.ts';
import { forgetKeyLog } from './key-log.ts';
import { keepKeys } from './key-upkeep.ts';
import { CALL_WAIT_MS_MAX, OUTBOX_PER_CONVERSATION_MAX } from './limits.ts';
import { completeLink } from './link-answer.ts';
import { beginLink } from './link-offer.ts';
import { pardonContact } from './log-standing.ts';
import { finishNextIdentity, makeNextIdentity } from './next-identity.ts';
import { enqueue } from './outbox.ts';
import { type OwnDeviceDeps, reportLostDevice, unlinkDevice } from './own-device.ts';
import { patient } from './patience.ts';
import { acceptIdentity, compareIdentities, type PeerDeps } from './peers.ts';
import { makeFirstKeys } from './prekeys.ts';
import { createProver } from './proof.ts';
import { readUnsent, whenStored } from './sent-message.ts';
import { loadLocalParty } from './sessions.ts';
import type { Store, StoreWork } from './store.ts';
import { createTokens } from './tokens.ts';

export type { Client, ClientOptions };

/** A client for one store. Nothing happens before a method is called. Throws a `TypeError` for a `url` that is none. */
export function createClient(options: ClientOptions): Client {
  assertOrigin(options.url);
  return new StoreClient(options);
}

/** `localhost:8080` is a URL too, of a scheme `localhost`. */
function assertOrigin(url: string): void {
  const scheme = URL.parse(url)?.protocol;
  if (scheme === 'https:' || scheme === 'http:') return;
  throw new TypeError(`url is to be an origin, such as https://chat.example.org, not ${url}`);
}

class StoreClient implements Client {
  readonly #options: ClientOptions;
  readonly #store: Store;
  readonly #provider: Provider;
  readonly #closing = new AbortController();
  readonly #events = createEvents();
  readonly #call: Call;
  readonly #account: AccountDeps;
  readonly #deviceKey: HeldDeviceKey;
  readonly #arrivals: Arrivals;
  readonly #files: Files;
  #local: LocalParty | undefined;
  #connection: Connection | undefined;
  /** It was connected before a change of identity. */
  #isToConnect = false;

  constructor(options: ClientOptions) {
    const { url, store, fetch = globalThis.fetch, clock = Date.now } = options;
    this.#options = options;
    this.#store = store;
    this.#provider = options.provider ?? nobleProvider;
    const { signal } = this.#closing;
    this.#deviceKey = holdDeviceKey(store, this.#provider);
    const deviceKey = this.#deviceKey.load;
    const prover = createProver({ provider: this.#provider, deviceKey, clock });
    const exchange = patient(createExchange({ url, fetch, prover, signal }), {
      waitMsMax: CALL_WAIT_MS_MAX,
      signal,
      random: Math.random,
    });
    const onEnded = () => this.#events.emit('logged-out', {});
    const again = () => logInAgain(this.#account);
    const tokens = createTokens({ store, exchange, clock, onEnded, logInAgain: again });
    this.#call = createCall(exchange, tokens);
    const { proofs = true } = options;
    const parts = { store, provider: this.#provider, exchange, call: this.#call };
    this.#account = { ...parts, tokens, clock, deviceKey, proofs };
    this.#arrivals = createArrivals(store);
    const transfer = { random: Math.random, closing: signal };
    this.#files = createFiles({ ...parts, ...transfer, clock });
    this.#events.on('logged-out', this.#arrivals.ring);
  }

  me() {
    return findAccount(this.#store);
  }

  register(account: NewAccount) {
    return registerAccount(this.#account, account);
  }

  async login(credentials?: Credentials) {
    if (credentials === undefined) return logInByDevice(this.#account);
    const me = await logIn(this.#account, credentials);
    if (this.#local !== undefined && this.#local.address.device !== me.device) {
      await this.#disconnect();
      this.#local = undefined;
    }
    return me;
  }

  recover(recovery: Recovery) {
    return recoverAccount(this.#account, recovery);
  }

  async logout() {
    await this.#disconnect();
    await logOut(this.#account);
    this.#events.emit('logged-out', {});
  }

  async logoutEverywhere() {
    await this.#call(logoutEverywhere, {});
    await this.#leave();
  }

  async sessions() {
    return (await this.#call(listSessions, {})).sessions;
  }

  async endSession(session: SessionId) {
    await this.#call(endSession, { params: { session_id: session } });
  }

  async devices() {
    return listOwnDevices(await this.#peerDeps());
  }

  async renameDevice(device: DeviceId, name: string) {
    await nameOwnDevice(await this.#peerDeps(), { device, name });
  }

  beginLink() {
    const { signal } = this.#closing;
    const join = async () => {
      await this.#disconnect();
      this.#local = undefined;
      await keepKeys(await this.#peerDeps());
    };
    const reload = async () => {
      await this.#disconnect();
      this.#local = undefined;
      this.#deviceKey.reload();
      this.#account.tokens.reload();
    };
    return beginLink({ ...this.#account, signal, join, reload });
  }

  async completeLink(code: string) {
    return completeLink(await this.#deviceDeps(), code);
  }

  async unlink(device: DeviceId) {
    const deps = await this.#deviceDeps();
    await unlinkDevice(deps, device);
    if (device === deps.local.address.device) await this.#leave();
  }

  reportLost(device: DeviceId) {
    return this.#changeIdentity((deps) => reportLostDevice(deps, device));
  }

  renewIdentity() {
    return this.#changeIdentity(makeNextIdentity);
  }

  async changePassword(change: { currentPassword: string; newPassword: string }) {
    await this.#call(changePassword, { body: change });
  }

  async renewRecoveryCode(password: string) {
    return (await this.#call(renewRecoveryCode, { body: { password } })).recoveryCode;
  }

  async deleteAccount(password: string) {
    await this.#call(deleteAccount, { body: { password } });
    await this.#leave();
  }

  exportData() {
    return this.#call(exportAccount, {});
  }

  async connect() {
    const isChanged =
      this.#connection === undefined && (await finishNextIdentity(await this.#deviceDeps()));
    if (isChanged) this.#local = undefined;
    const deps = await this.#peerDeps();
    if (this.#closing.signal.aborted) {
      throw new ClientError('client.closed', 'the client was closed');
    }
    this.#isToConnect = false;
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

  async sendFile(conversation: ConversationId, input: FileInput, options: SendFileOptions = {}) {
    assertConversation(conversation);
    const { reference: file, settle } = await this.#files.store(conversation, input, options);
    return this.#send(conversation, { type: 'file', file }, settle);
  }

  openFile(message: Message, options: OpenFileOptions = {}) {
    return this.#files.open(message, options);
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
    await this.#store.transaction((transaction) => pardonContact(transaction, user));
    this.#connection?.wake();
  }

  async acceptKeyLog() {
    await forgetKeyLog(this.#store);
    this.#connection?.wake();
  }

  /** `settle` is what changes in the store together with that. */
  async #send(
    conversation: ConversationId,
    content: Content,
    settle?: StoreWork<void>,
  ): Promise<{ id: MessageId }> {
    assertConversation(conversation);
    const deps = await this.#peerDeps();
    const id = await this.#store.transaction(async (transaction) => {
      await settle?.(transaction);
      return enqueue(deps, transaction, { conversation, content });
    });
    this.#connection?.wake(conversation);
    return { id };
  }

  #openConnection(deps: PeerDeps): Connection {
    const { url, WebSocket = globalThis.WebSocket, witnesses = [] } = this.#options;
    const connection: Connection = new Connection({
      ...deps,
      url,
      WebSocket,
      witnesses,
      random: Math.random,
      onArrival: this.#arrivals.ring,
      onEnded: () => {
        if (this.#connection === connection) this.#connection = undefined;
      },
    });
    return connection;
  }

  /**
   * Works on the keys that are to go while nothing else does, and connects again as before. When it is cut off, the
   * client stays disconnected: doing it again, or connecting, ends it.
   */
  async #changeIdentity(change: (deps: OwnDeviceDeps) => Promise<void>): Promise<void> {
    const deps = await this.#deviceDeps();
    this.#isToConnect ||= this.#connection !== undefined;
    await this.#disconnect();
    await change(deps);
    this.#local = undefined;
    if (this.#isToConnect) await this.connect();
  }

  async #deviceDeps(): Promise<OwnDeviceDeps> {
    return { ...(await this.#peerDeps()), signal: this.#closing.signal };
  }

  /** After the platform has ended this session too. */
  async #leave(): Promise<void> {
    await this.#disconnect();
    await forgetTokens(this.#account);
    this.#events.emit('logged-out', {});
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

/** Whether there is such a conversation only the platform knows: it may be of another device of the account. */
function assertConversation(conversation: ConversationId): void {
  if (ConversationId.safeParse(conversation).success) return;
  throw new ClientError('conversation.unknown', `no conversation has the id ${conversation}`);
}
