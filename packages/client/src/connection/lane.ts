/**
 * The sends of one conversation over one connection (DESIGN 2.2). Several are under way at once, numbered from 1; the
 * platform stores them in that order or refuses. After a refusal it refuses every later one too, so the lane waits
 * until all are answered, mends what was refused, and goes back to it under the same number.
 */
import type {
  ConversationId,
  DeviceDifference,
  PlaceOfId,
  Problem,
  ProblemCode,
  Stored,
} from '@sotto/api';
import { ApiError, DeviceId, UserId } from '@sotto/api';
import { ClientError, type ClientErrorCode, isProblem } from '../errors.ts';
import { learnVersions } from '../groups/group-audience.ts';
import {
  createPassedOver,
  followAudience,
  giveUpAll,
  hasLeft,
  meetMembers,
  type PassedOver,
  readLists,
} from '../groups/group-lane.ts';
import { IN_FLIGHT_PER_CONVERSATION } from '../limits.ts';
import { doWithoutFresh, noteMet } from '../messages/control-outbox.ts';
import type { ConversationRecord } from '../messages/conversation-record.ts';
import { needConversation } from '../messages/find-conversation.ts';
import { type Refused, setAside, settle, unseal } from '../messages/outbox.ts';
import { keyOf, type OutboxEntry, placeBefore, toOutgoing } from '../messages/outbox-entry.ts';
import { sealNext } from '../messages/sealing.ts';
import type { Missing } from '../messages/sealing-outcome.ts';
import { settleUsed } from '../messages/used-id.ts';
import { waitingChanges } from '../messages/waiting-changes.ts';
import { keys } from '../store/key-space.ts';
import type { KeyLog } from '../trust/key-log.ts';
import type { MemberProofs } from '../trust/member-proofs.ts';
import { refreshList } from '../trust/peer-lists.ts';
import { forgetDevices, meetPeers, type PeerDeps, unmet } from '../trust/peers.ts';
import type { Wanted } from '../trust/wanted.ts';
import { askedMs, backOffMs, pause } from './back-off.ts';
import { createBell } from './bell.ts';
import type { SendFrame } from './socket.ts';
import { beginStretch } from './stretch.ts';

export interface LaneDeps extends PeerDeps {
  readonly random: () => number;
  readonly send: SendFrame;
  readonly keyLog: KeyLog;
  readonly proofs: Pick<MemberProofs, 'need'>;
  /** Shared by all lanes of a connection. */
  readonly room: SendRoom;
}

/** How much more may be under way on a connection. */
export interface SendRoom {
  left: number;
  /** There is room again where there was none. */
  onFreed(): void;
}

interface Refusal {
  readonly number: number;
  readonly problem: Problem;
  /** The refused entry, and behind it those that were refused because of it, in the order of sending. */
  readonly entries: readonly [OutboxEntry, ...OutboxEntry[]];
}

/** Refusals that pass by themselves: the same bytes are sent again after a pause. */
const PASSING: readonly ProblemCode[] = [
  'rate.limited',
  'message.busy',
  'message.after-refused',
  'service.unavailable',
  'request.timeout',
  'internal',
];

/** Sends what the outbox of a conversation holds, and what comes to it, until it is stopped. */
export class Lane {
  readonly #deps: LaneDeps;
  readonly #id: ConversationId;
  readonly #stopping = new AbortController();
  readonly #bell = createBell();
  readonly #inFlight = new Map<number, OutboxEntry>();
  readonly #ended: Promise<void>;
  #lastNumber = 0;
  /** Behind it lies what was not sent over this connection yet. */
  #sentUpTo: string;
  #refusal: Refusal | undefined;
  #failures = 0;
  /** How many may be under way. */
  #window: number = IN_FLIGHT_PER_CONVERSATION.first;
  /** There may be something to send that was not looked at. */
  #isMore = true;
  /** A conversation of two, which never changes. */
  #direct: ConversationRecord | undefined;
  readonly #passedOver: PassedOver;

  constructor(deps: LaneDeps, id: ConversationId) {
    this.#deps = deps;
    this.#id = id;
    this.#sentUpTo = keys.outbox(id);
    this.#passedOver = createPassedOver(deps.clock);
    this.#ended = this.#run();
  }

  /** There may be something to send, or what stood in the way may be gone. */
  wake(): void {
    this.#isMore = true;
    this.#bell.ring();
  }

  /** The platform has a message on disk. Rejects when the store fails; the message is then sent again. */
  async onStored(number: number, stored: Stored): Promise<void> {
    const entry = this.#inFlight.get(number);
    if (entry === undefined || entry.id !== stored.id) return;
    const { store, events } = this.#deps;
    const isNews = await store.transaction((transaction) =>
      settle(this.#deps, transaction, { entry, stored }),
    );
    this.#answered(number);
    this.#failures = 0;
    this.#window = Math.min(this.#window + 1, IN_FLIGHT_PER_CONVERSATION.max);
    const { id, conversation, seq } = stored;
    if (isNews) events.emit('stored', { id, conversation, seq });
    this.#bell.ring();
  }

  onRefused(number: number, problem: Problem): void {
    const entry = this.#inFlight.get(number);
    if (entry === undefined) return;
    this.#answered(number);
    this.#window = IN_FLIGHT_PER_CONVERSATION.first;
    this.#refusal = withRefused(this.#refusal, { number, problem, entry });
    this.#bell.ring();
  }

  /** The connection has ended. Resolves when nothing of the lane runs any more. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    return this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        if (await this.#step()) await this.#bell.wait();
      } catch (error) {
        if (signal.aborted) return;
        this.#isMore = true;
        this.#deps.events.emit('trouble', { error });
        // These wait for a person, who wakes the lane; everything else passes.
        if (waitsForPerson(error)) await this.#bell.wait();
        else await this.#retryLater(error instanceof ApiError ? error.options.retryAfter : 0);
      }
    }
  }

  /** One step; resolves true when there is nothing to do until the bell rings. */
  async #step(): Promise<boolean> {
    if (this.#refusal !== undefined) {
      if (this.#inFlight.size > 0) return true;
      await this.#goBack(this.#refusal);
      return false;
    }
    const limit = this.#window - this.#inFlight.size;
    if (limit <= 0 || !this.#isMore) return true;
    const conversation = this.#direct ?? (await this.#find());
    if (conversation?.kind === 'direct') this.#direct = conversation;
    if (conversation === undefined || hasLeft(conversation, this.#deps.local)) {
      if (this.#inFlight.size > 0) return true;
      this.#isMore = false;
      await giveUpAll(this.#deps, this.#id);
      return true;
    }
    await this.#deps.keyLog.needOwn();
    const passedOver = this.#passedOver;
    const input = { conversation, after: this.#sentUpTo, limit, passedOver };
    const stretch = beginStretch();
    this.#isMore = false;
    const sealing = await this.#deps.store.transaction((transaction) =>
      sealNext(this.#deps, transaction, input),
    );
    if (!('sealed' in sealing)) {
      await this.#fetch(conversation, sealing);
      this.#isMore = true;
      return false;
    }
    // A refusal may have come meanwhile: what lies behind it waits in the store.
    if (this.#stopping.signal.aborted || this.#refusal !== undefined) return false;
    const { sealed, isMore, toProve } = sealing;
    if (toProve !== undefined) this.#deps.proofs.need(toProve);
    const fitting = sealed.slice(0, this.#deps.room.left);
    for (const entry of fitting) this.#dispatch(entry);
    this.#isMore ||= isMore === true || fitting.length === limit || fitting.length < sealed.length;
    await stretch.rest();
    return fitting.length === 0 && !(isMore && sealed.length === 0);
  }

  /** Undefined when neither the store nor the platform knows of such a conversation. */
  #find(): Promise<ConversationRecord | undefined> {
    return needConversation(this.#deps, this.#id).catch((error) => {
      if (isProblem(error, 'conversation.not-found')) return undefined;
      throw error;
    });
  }

  /** What is missing before anything can be encrypted. In a group nobody stands in the way of the others. */
  async #fetch(conversation: ConversationRecord, missing: Missing): Promise<void> {
    const deps = this.#deps;
    if (conversation.kind === 'group') {
      const asking = { conversation, passedOver: this.#passedOver };
      if ('wanted' in missing) await meetMembers(deps, asking, missing.wanted);
      else if ('doubtful' in missing) await readLists(deps, asking, missing.doubtful);
      else if ('unversioned' in missing) await learnVersions(deps, conversation);
    } else if ('wanted' in missing) {
      await this.#meet(missing.wanted);
    } else if ('doubtful' in missing) {
      for (const user of missing.doubtful) await refreshList(deps, user);
    } else if ('unproven' in missing) {
      for (const contact of missing.unproven) await deps.keyLog.needContact(contact);
    }
  }

  /** Throws what keeps the messages that wait from being encrypted. */
  async #meet(wanted: readonly Wanted[]): Promise<void> {
    const { store } = this.#deps;
    try {
      await meetPeers(this.#deps, wanted);
    } catch (error) {
      if (!isProblem(error, 'rate.limited')) throw error;
      const isEased = await store.transaction((transaction) =>
        doWithoutFresh(transaction, this.#id, wanted),
      );
      if (isEased) return;
      throw error;
    }
    await store.transaction((transaction) => noteMet(transaction, this.#id, wanted));
  }

  #dispatch(entry: OutboxEntry): void {
    const number = ++this.#lastNumber;
    this.#sentUpTo = keyOf(entry);
    this.#inFlight.set(number, entry);
    this.#deps.room.left -= 1;
    this.#deps.send({ type: 'send', number, message: toOutgoing(entry) });
  }

  #answered(number: number): void {
    this.#inFlight.delete(number);
    if (++this.#deps.room.left === 1) this.#deps.room.onFreed();
  }

  /** Mends a refusal and returns to its number, or to the one behind it when the message is given up. */
  async #goBack({ number, problem, entries }: Refusal): Promise<void> {
    const [refused] = entries;
    const conversation = await needConversation(this.#deps, this.#id);
    const { signal } = this.#stopping;
    const isGivenUp = await mend(this.#deps, { problem, entries, conversation, signal });
    if (isGivenUp) this.#deps.send({ type: 'withdraw', conversation: this.#id, number });
    this.#lastNumber = isGivenUp ? number : number - 1;
    this.#sentUpTo = isGivenUp ? keyOf(refused) : placeBefore(refused);
    this.#refusal = undefined;
    this.#isMore = true;
    if (isGivenUp) return;
    if (problem.code === 'rate.limited') {
      this.#deps.events.emit('trouble', { error: new ApiError(problem.code, problem) });
    }
    // That devices have changed is no failure, unless it is all that the platform says.
    if (PASSING.includes(problem.code) || this.#failures > 0) {
      await this.#retryLater(problem.retryAfter);
    } else this.#failures += 1;
  }

  #retryLater(askedSeconds?: number): Promise<void> {
    const ownMs = backOffMs(this.#failures++, this.#deps.random());
    return pause(Math.max(askedMs(askedSeconds), ownMs), this.#stopping.signal);
  }
}

/**
 * What is refused, with one more. Refusals may overtake each other, a full queue answers at once; the platform waits
 * for the lowest number that it refused for a reason of its own, so that is the one to go back to.
 */
function withRefused(
  known: Refusal | undefined,
  { number, problem, entry }: { number: number; problem: Problem; entry: OutboxEntry },
): Refusal {
  if (known === undefined) return { number, problem, entries: [entry] };
  const isLowest = number < known.number && problem.code !== 'message.after-refused';
  const [first, ...others] = [entry, ...known.entries].toSorted((a, b) =>
    keyOf(a) < keyOf(b) ? -1 : 1,
  );
  const entries = [first ?? entry, ...others] as const;
  return isLowest ? { number, problem, entries } : { ...known, entries };
}

const FOR_A_PERSON: readonly ClientErrorCode[] = [
  'identity.changed',
  'account.compromised',
  'key-log.broken',
  'group.broken',
];

function waitsForPerson(error: unknown): boolean {
  return error instanceof ClientError && FOR_A_PERSON.includes(error.code);
}

interface Mending extends Refused {
  readonly problem: Problem;
  readonly entries: Refusal['entries'];
  readonly conversation: ConversationRecord;
}

/** Does what a refusal asks for. True when the message is given up; its content is kept aside. */
async function mend(deps: LaneDeps, mending: Mending): Promise<boolean> {
  const { problem, entries, conversation } = mending;
  if (PASSING.includes(problem.code)) return false;
  const [refused] = entries;
  if (problem.code === 'message.id-conflict' && problem.stored?.conversation === conversation.id) {
    if (await settleForgotten(deps, refused, problem.stored)) return true;
  }
  if (isForOthers(refused, problem)) return giveUp(deps, mending);
  if (problem.code === 'message.devices-stale' && problem.devices !== undefined) {
    await followDevices(deps, mending, problem.devices);
    return false;
  }
  if (problem.code === 'message.group-stale' && problem.audience && conversation.kind === 'group') {
    await followAudience(deps, conversation, { audience: problem.audience, refused: mending });
    return false;
  }
  return giveUp(deps, mending);
}

/**
 * Whether something that was sent before would have to be encrypted for somebody it was not written for. A platform says
 * at will that it was restored: it must not get the last days for whoever is there now. Those who may have it can ask.
 */
function isForOthers({ resent }: OutboxEntry, { code, devices }: Problem): boolean {
  const isForNew = code === 'message.devices-stale' && (devices?.missing.length ?? 0) > 0;
  return resent !== undefined && (isForNew || code === 'message.group-stale');
}

/** True when the message was sent in a life that this store has forgotten, and is where the platform says. */
async function settleForgotten(
  deps: LaneDeps,
  entry: OutboxEntry,
  { seq, sentAt }: PlaceOfId,
): Promise<boolean> {
  const { id, conversation } = entry;
  const stored = { id, conversation, seq, sentAt };
  const isNews = await deps.store.transaction((transaction) =>
    settleUsed(deps, transaction, { entry, stored }),
  );
  if (isNews === true) deps.events.emit('stored', { id, conversation, seq });
  return isNews !== undefined;
}

/** Not what the next connection may have under way, which is refused the same: this lane has ended then. */
async function giveUp(
  { store, events, local }: LaneDeps,
  { entries: [refused], problem, signal }: Mending,
): Promise<true> {
  const author = DeviceId.parse(local.address.device);
  const { id, conversation } = refused;
  const hasFailed = await store.transaction(async (transaction) => {
    if (signal.aborted) return false;
    const changes = await waitingChanges(transaction, author, conversation);
    return setAside(transaction, refused, { change: changes.get(id) });
  });
  if (hasFailed) events.emit('failed', { id, conversation, code: problem.code });
  return true;
}

async function followDevices(
  deps: LaneDeps,
  mending: Mending,
  difference: DeviceDifference,
): Promise<void> {
  const wanted = difference.missing.map(({ user, device }) => ({
    user: UserId.parse(user),
    device: DeviceId.parse(device),
  }));
  // Several entries may have been refused for the same device: only the first fetches its bundle.
  await meetPeers(deps, await deps.store.transaction((transaction) => unmet(transaction, wanted)));
  await deps.store.transaction(async (transaction) => {
    await forgetDevices(transaction, mending.conversation.members, difference.unknown);
    await unseal(transaction, mending, difference.unknown);
  });
}
