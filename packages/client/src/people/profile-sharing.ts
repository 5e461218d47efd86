/**
 * How this account's profile gets around: to everybody when it has changed, and to each device that turns up later, in
 * control messages. Nothing waits for it, and what does not work is done at the next occasion.
 */
import { type ConversationId, UserId } from '@sotto/api';
import type { ClientCore } from '../client-core.ts';
import { pause } from '../connection/back-off.ts';
import { patient } from '../connection/patience.ts';
import { ConnectionError, isProblem } from '../errors.ts';
import { BACKGROUND_WAIT_MS_MAX, PROFILE_LOOK_MS } from '../limits.ts';
import { loadLatePart } from '../load-late.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import { listKnownConversations } from '../messages/conversations.ts';
import { meetWhomPossible, type PeerDeps } from '../trust/peers.ts';
import { getSpread, putSpread } from './own-profile.ts';
import { getProfile } from './profile.ts';
import { findUnmet, findUntold, isOwnUntold, noteTold, type Untold } from './profile-audience.ts';
import type { CopyDeps } from './profile-copies.ts';

interface SharingDeps extends CopyDeps {
  /** See `ClientCore`. */
  readonly wake: (conversation: ConversationId) => void;
}

/** Shares the profile while the client is connected. The function that it gives shows it in one conversation now. */
export function shareProfile(core: ClientCore): (conversation: ConversationId) => Promise<void> {
  const { events, closing } = core;
  const due = new Set<ConversationId>();
  let isAllDue = false;
  let isConnected = false;
  let isRunning = false;
  /** As far as is known: most messages are sent without a profile, and then nothing is looked up. */
  let hasProfile = true;

  async function run(): Promise<void> {
    isRunning = true;
    try {
      while (isConnected && !closing.aborted && (isAllDue || due.size > 0)) {
        const deps = await sharingDeps(core);
        if (isAllDue) {
          isAllDue = false;
          const found = await spread(deps).catch((error) => {
            isAllDue = true;
            throw error;
          });
          // One may have been set while the store was asked.
          hasProfile = found || isAllDue;
        }
        await inEach([...due], async (conversation) => {
          due.delete(conversation);
          await share(deps, conversation).catch((error) => {
            due.add(conversation);
            throw error;
          });
        });
        if (hasProfile) await pause(PROFILE_LOOK_MS, closing);
      }
    } finally {
      isRunning = false;
    }
  }

  function begin(): void {
    if (isConnected && !isRunning) core.inBackground(run());
  }

  function look(conversation: ConversationId): void {
    due.add(conversation);
    begin();
  }

  function lookAtAll(): void {
    isAllDue = true;
    // Until it is known: else what is said meanwhile would be no occasion to tell it.
    hasProfile = true;
    begin();
  }

  const setConnected = (is: boolean) => () => {
    isConnected = is;
    if (is) lookAtAll();
  };
  events.on('connected', setConnected(true));
  events.on('disconnected', setConnected(false));
  events.on('profile', lookAtAll);
  events.on('devices-changed', lookAtAll);
  events.on('stored', ({ conversation }) => {
    if (hasProfile) look(conversation);
  });
  return async (conversation) => {
    if (hasProfile) await meetMembers(await core.peerDeps(), conversation);
    look(conversation);
  };
}

/** Who was never written to has devices that nobody here knows. Who cannot be met is told with the first message. */
async function meetMembers(deps: PeerDeps, conversation: ConversationId): Promise<void> {
  const unmet = await deps.store.transaction((transaction) =>
    findUnmet(deps, transaction, conversation),
  );
  const wanted = unmet.map((user) => ({ user }));
  if (wanted.length > 0) await meetWhomPossible(deps, wanted);
}

async function sharingDeps(core: ClientCore): Promise<SharingDeps> {
  const { closing } = core;
  const random = Math.random;
  const patience = { waitMsMax: BACKGROUND_WAIT_MS_MAX, signal: closing, random };
  const call = patient(core.call, { ...patience, isRepeatable: true });
  const wake = (conversation: ConversationId) => core.wake(conversation);
  return { ...(await core.peerDeps()), call, random, closing, wake };
}

/**
 * Tells everybody who is to know a profile that was not told around yet; else only the account's own devices, in any
 * conversation. False when there is no profile.
 */
async function spread(deps: SharingDeps): Promise<boolean> {
  const { store, local } = deps;
  const own = UserId.parse(local.address.user);
  const state = await store.transaction(async (transaction) => {
    const profile = await getProfile(transaction, own);
    if (profile === undefined) return undefined;
    const isSpread = (await getSpread(transaction)).time === profile.time;
    return {
      profile,
      isSpread,
      isDone: isSpread && !(await isOwnUntold(deps, transaction, profile)),
    };
  });
  if (state === undefined || state.isDone) return state !== undefined;
  const { profile, isSpread } = state;
  const known = await listKnownConversations(store);
  const present = known.filter(({ members }) => members.includes(own));
  if (isSpread) {
    const [any] = present;
    if (any !== undefined) await share(deps, any.id);
    return true;
  }
  // In conversations of two first: nobody leaves those, and with them what was shared there.
  const inOrder = present.toSorted(
    (a, b) => Number(a.kind === 'group') - Number(b.kind === 'group'),
  );
  await inEach(inOrder, ({ id }) => share(deps, id));
  const { deleteObsolete } = await loadLatePart();
  await deleteObsolete(deps);
  await store.transaction(async (transaction) =>
    putSpread(transaction, { ...(await getSpread(transaction)), time: profile.time }),
  );
  return true;
}

/** What goes wrong in one conversation stops no other, unless nothing can be reached. Rejects with the first fault, then. */
async function inEach<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const faults: unknown[] = [];
  for (const one of all) {
    await work(one).catch((error) => {
      if (error instanceof ConnectionError) throw error;
      faults.push(error);
    });
  }
  if (faults.length > 0) throw faults[0];
}

/** Tells the devices of a conversation that do not know the newest profile. */
async function share(deps: SharingDeps, conversation: ConversationId): Promise<void> {
  const { store } = deps;
  const found = await store.transaction((transaction) =>
    findUntold(deps, transaction, conversation),
  );
  if (found === undefined) return;
  try {
    const picture = await pictureFor(deps, conversation, found);
    const { time, name } = found.profile;
    const control = { type: 'profile', time, name, picture } as const;
    await store.transaction(async (transaction) => {
      const untold = await findUntold(deps, transaction, conversation);
      // Another one came meanwhile, and its own turn will.
      if (untold?.profile.time !== time) return;
      await enqueueControl(deps, transaction, { conversation, control, to: untold.to });
      await noteTold(transaction, untold);
    });
  } catch (error) {
    // Who has left it tells nobody there any more.
    if (!isProblem(error, 'conversation.not-found')) throw error;
  }
  deps.wake(conversation);
}

/** The account's own devices may read its files anywhere. */
async function pictureFor(
  deps: SharingDeps,
  conversation: ConversationId,
  { profile, to }: Untold,
) {
  if (profile.picture === undefined) return undefined;
  const isOwn = to.every(({ user }) => user === deps.local.address.user);
  const any = isOwn ? profile.copies.at(-1) : undefined;
  if (any !== undefined) return any;
  const { shareCopy } = await loadLatePart();
  return shareCopy(deps, conversation, profile);
}
