/**
 * What all parts of a client share: the store, the platform, who we are, and the connection. It knows nothing of what
 * people say to each other.
 */
import type { ConversationId } from '@sotto/api';
import { type LocalParty, type Provider, webProvider } from '@sotto/crypto';
import { type AccountDeps, forgetTokens, logInAgain } from './account/account.ts';
import { finishNextIdentity } from './account/begun-identity.ts';
import { type HeldDeviceKey, holdDeviceKey } from './account/device-key.ts';
import type { OwnDeviceDeps } from './account/own-device.ts';
import { makeFirstKeys } from './account/prekeys.ts';
import { createProver } from './account/proof.ts';
import { createTokens } from './account/tokens.ts';
import type { ClientOptions } from './client-options.ts';
import { type Call, createCall } from './connection/call.ts';
import { Connection } from './connection/connection.ts';
import { createExchange } from './connection/http.ts';
import { patient } from './connection/patience.ts';
import { createPresences, type Presences } from './connection/presence.ts';
import type { SendFrame } from './connection/socket.ts';
import { ClientError } from './errors.ts';
import { createEvents, type Events } from './events.ts';
import type { GroupChangeDeps } from './groups/groups.ts';
import { CALL_WAIT_MS_MAX } from './limits.ts';
import { type Arrivals, createArrivals } from './messages/arrivals.ts';
import { createWaitingIds, type WaitingIds } from './messages/waiting-ids.ts';
import { withMigrations } from './store/record-migrations.ts';
import type { Store } from './store/store.ts';
import { createKeyLog } from './trust/key-log.ts';
import type { PeerDeps } from './trust/peers.ts';
import { loadLocalParty } from './trust/sessions.ts';

/** Shared by the parts of one client. */
export class ClientCore {
  readonly store: Store;
  readonly provider: Provider;
  readonly clock: () => number;
  readonly events: Events = createEvents();
  readonly call: Call;
  readonly account: AccountDeps;
  readonly deviceKey: HeldDeviceKey;
  readonly arrivals: Arrivals;
  readonly presences: Presences;
  readonly waitingIds: WaitingIds = createWaitingIds(this.events);
  readonly #options: ClientOptions;
  readonly #closing = new AbortController();
  readonly #endings = new Set<Promise<void>>();
  readonly #known = Promise.withResolvers<void>();
  #local: LocalParty | undefined;
  /** Counts what may have made another device of this store: what was read before does not hold after. */
  #life = 0;
  #connection: Connection | undefined;
  /** It was connected before a change of identity. */
  #isToConnect = false;

  constructor(options: ClientOptions) {
    const { url, fetch = globalThis.fetch, clock = Date.now, proofs = true } = options;
    const store = withMigrations(options.store);
    this.#options = options;
    this.store = store;
    this.provider = options.provider ?? webProvider;
    this.clock = clock;
    const signal = this.closing;
    this.deviceKey = holdDeviceKey(store, this.provider);
    const deviceKey = this.deviceKey.load;
    const prover = createProver({ provider: this.provider, deviceKey, clock });
    const exchange = patient(createExchange({ url, fetch, prover, signal }), {
      waitMsMax: CALL_WAIT_MS_MAX,
      signal,
      random: Math.random,
    });
    const onEnded = () => this.events.emit('logged-out', {});
    const again = () => logInAgain(this.account);
    const tokens = createTokens({ store, exchange, clock, onEnded, logInAgain: again });
    this.call = createCall(exchange, tokens);
    const parts = { store, provider: this.provider, exchange, call: this.call };
    this.account = { ...parts, tokens, clock, deviceKey, proofs };
    this.arrivals = createArrivals(store);
    this.events.on('logged-out', this.arrivals.ring);
    this.presences = createPresences(this.events, signal);
    const { network = globalThis } = options;
    // Node has no such event, and no `addEventListener` of its own.
    network.addEventListener?.('online', () => this.#connection?.hurry(), { signal });
  }

  /** Aborted by `close`. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Resolves when it is known whose store this is: when something is asked for that takes an account. */
  get known(): Promise<void> {
    return this.#known.promise;
  }

  async connect(): Promise<void> {
    const isChanged =
      this.#connection === undefined && (await finishNextIdentity(await this.deviceDeps()));
    if (isChanged) this.forgetLocal();
    const deps = await this.peerDeps();
    if (this.closing.aborted) throw new ClientError('client.closed', 'the client was closed');
    this.#isToConnect = false;
    this.#connection?.hurry();
    this.#connection ??= this.#openConnection(deps);
    await this.#connection.opened;
  }

  async disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close();
    if (connection !== undefined && !this.closing.aborted) this.events.emit('disconnected', {});
  }

  async close(): Promise<void> {
    this.arrivals.close();
    this.#closing.abort(new ClientError('client.closed', 'the client was closed'));
    await this.disconnect();
    // What they begin belongs to them.
    while (this.#endings.size > 0) await Promise.all(this.#endings);
    await this.store.close();
  }

  /** See `Connection`; undefined too while there is none. */
  get sendFrame(): SendFrame | undefined {
    return this.#connection?.sendFrame;
  }

  /** There is something new to send in a conversation, or something that stood in the way is gone. */
  wake(conversation?: ConversationId): void {
    this.#connection?.wake(conversation);
  }

  /** The same in all, and the next connection takes in again what the platform lists: more of it may be readable. */
  learnAgain(): void {
    this.#connection?.learnAgain();
  }

  /** After the platform has ended this session too. */
  async leave(): Promise<void> {
    await this.disconnect();
    await forgetTokens(this.account);
    this.events.emit('logged-out', {});
  }

  /** This store's device or identity is, or may be, another one from now on. */
  forgetLocal(): void {
    this.#life += 1;
    this.#local = undefined;
  }

  /** The device that this store was last known to be. */
  get knownDevice(): string | undefined {
    return this.#local?.address.device;
  }

  /**
   * Works on the keys that are to go while nothing else does, and connects again as before. When it is cut off, the
   * client stays disconnected: doing it again, or connecting, ends it.
   */
  async changeIdentity(change: (deps: OwnDeviceDeps) => Promise<void>): Promise<void> {
    const deps = await this.deviceDeps();
    this.#isToConnect ||= this.#connection !== undefined;
    await this.disconnect();
    await change(deps);
    this.forgetLocal();
    if (this.#isToConnect) await this.connect();
  }

  async deviceDeps(): Promise<OwnDeviceDeps> {
    return { ...(await this.peerDeps()), signal: this.closing };
  }

  /** What needs to know who we are. The keys of a new device are made here, so that a crash cannot skip that. */
  async peerDeps(): Promise<PeerDeps> {
    const { store, provider, call, clock, events } = this;
    const local = this.#local ?? (await this.#loadLocal());
    return { store, provider, call, clock, events, local };
  }

  /** What changing groups needs besides. */
  async groupDeps(): Promise<GroupChangeDeps> {
    const deps = await this.deviceDeps();
    const { witnesses = [] } = this.#options;
    const keyLog = this.#connection?.keyLog ?? createKeyLog({ ...deps, witnesses });
    return { ...deps, keyLog, random: Math.random };
  }

  /** Work that nothing waits for: what fails is told. It ends before the store is closed. */
  inBackground(work: Promise<void>): void {
    const ending: Promise<void> = work
      .catch((error) => this.tell(error))
      .finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  /** Tells what nobody waits for, unless it is that everything ends. */
  tell(error: unknown): void {
    if (!this.closing.aborted) this.events.emit('trouble', { error });
  }

  async #loadLocal(): Promise<LocalParty> {
    const life = this.#life;
    await makeFirstKeys(this.store, this.provider);
    const local = await loadLocalParty(this.store, this.provider);
    if (life !== this.#life) return this.#loadLocal();
    this.#local = local;
    this.#known.resolve();
    return local;
  }

  #openConnection(deps: PeerDeps): Connection {
    const { url, WebSocket = globalThis.WebSocket, witnesses = [] } = this.#options;
    this.events.emit('connecting', {});
    const connection: Connection = new Connection({
      ...deps,
      url,
      WebSocket,
      witnesses,
      random: Math.random,
      presences: this.presences,
      onArrival: this.arrivals.ring,
      onEnded: () => {
        if (this.#connection === connection) this.#connection = undefined;
      },
    });
    return connection;
  }
}
