/** Conversations by their id: from the store, or from the platform when this device hears of one for the first time. */
import {
  type Conversation,
  type ConversationId,
  getConversation,
  listConversations,
  PAGE_ITEMS_MAX,
} from '@sotto/api';
import { CryptoError } from '@sotto/crypto';
import { ClientError, isProblem } from '../errors.ts';
import type { GroupDeps } from '../groups/group-authors.ts';
import { getGroup } from '../groups/group-log.ts';
import { readGroup } from '../groups/group-reading.ts';
import { keepTitle } from '../groups/group-title.ts';
import { keys } from '../store/key-space.ts';
import { isUnjudged } from '../trust/log-standing.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { getBegun, joinsLate, keepConversation } from './conversations.ts';
import { forgetPassedOver, listPassedOver, notePassedOver } from './passed-over.ts';

export interface LearnDeps extends GroupDeps {
  /** A group could not be read, and may be later: the next connection is to take in again what the platform lists. */
  readonly learnAgain: () => void;
}

/**
 * A conversation that this account takes part in, or has taken part in. Undefined for a group whose log is refused from its
 * first entry on, after an event `group-broken`. Throws `answer.invalid` when the platform answers with another one, or
 * with one that is not ours.
 */
export async function findConversation(
  deps: GroupDeps,
  id: ConversationId,
): Promise<ConversationRecord | undefined> {
  const known = await deps.store.transaction((transaction) => getBegun(transaction, id));
  if (known !== undefined) return known;
  try {
    const answer = await deps.call(getConversation, { params: { id } });
    if (answer.id !== id) throw new ClientError('answer.invalid', 'another conversation came');
    return await meet(deps, answer);
  } catch (error) {
    if (!isProblem(error, 'conversation.not-found')) throw error;
    // Whoever has left a group may go on reading what came before, and its log up to there.
    return readGroup(deps, id);
  }
}

/** The same where it must be there: throws `group.broken` otherwise. */
export async function needConversation(
  deps: GroupDeps,
  id: ConversationId,
): Promise<ConversationRecord> {
  const found = await findConversation(deps, id);
  if (found !== undefined) return found;
  throw new ClientError('group.broken', 'the platform shows no sound log of the group');
}

/**
 * Takes in what the platform lists: conversations that this device does not know, and what it has missed of groups; and
 * groups that were passed over, and left since. Throws what calls throw; what it says of one conversation and is not so is
 * told as `trouble`, and the others go on.
 */
export async function learnConversations(deps: LearnDeps): Promise<void> {
  const listed = new Set<ConversationId>();
  for (let after: ConversationId | undefined; ; ) {
    const query = { limit: PAGE_ITEMS_MAX, ...(after && { after }) };
    const { conversations } = await deps.call(listConversations, { query });
    for (const answer of conversations) {
      if (after !== undefined && answer.id <= after) {
        throw new ClientError('answer.invalid', 'the list of conversations runs in a circle');
      }
      after = answer.id;
      listed.add(after);
      await orTell(deps, learn(deps, answer));
    }
    if (conversations.length < PAGE_ITEMS_MAX) break;
  }
  for (const id of await listPassedOver(deps.store, { isBegun: false })) {
    if (!listed.has(id)) await orTell(deps, learnLeft(deps, id));
  }
  await deps.store.transaction((transaction) =>
    transaction.put(keys.conversationsListed, new Uint8Array(0)),
  );
}

async function orTell({ events, learnAgain }: LearnDeps, work: Promise<unknown>): Promise<void> {
  await work.catch((error) => {
    if (!(error instanceof ClientError || error instanceof CryptoError)) throw error;
    events.emit('trouble', { error });
    if (isUnjudged(error)) learnAgain();
  });
}

/** No slot comes for it any more that would have it read. */
async function learnLeft(deps: GroupDeps, id: ConversationId): Promise<unknown> {
  return readGroup(deps, id, { isLeft: true }).catch((error) => {
    if (!isProblem(error, 'conversation.not-found')) throw error;
    return forgetPassedOver(deps.store, id);
  });
}

async function learn(deps: GroupDeps, answer: Conversation): Promise<void> {
  const { id, kind, version, title } = answer;
  const { isKnown, group } = await deps.store.transaction(async (transaction) => ({
    isKnown: (await getBegun(transaction, id)) !== undefined,
    group: await getGroup(transaction, id),
  }));
  if (!isKnown) await meet(deps, answer);
  else if (kind === 'group') {
    if (version !== group?.head.version || group.broken) await readGroup(deps, id, { answer });
    if (title !== undefined) await keepTitle(deps, id, title);
  }
}

async function meet(
  deps: GroupDeps,
  answer: Conversation,
): Promise<ConversationRecord | undefined> {
  if (answer.kind === 'group') {
    const group = await readGroup(deps, answer.id, { answer }).catch(async (error) => {
      await passBy(deps, answer);
      throw error;
    });
    if (group === undefined) await passBy(deps, answer);
    return group;
  }
  const record = await keepConversation(deps.store, answer, () => true);
  deps.events.emit('conversation', { conversation: answer.id });
  return record;
}

/**
 * Of a group whose log is refused, or could not be read, nothing was kept: a device that is new begins where the platform
 * began its cursor.
 */
function passBy({ store }: GroupDeps, { id, cursor }: Conversation): Promise<void> {
  return store.transaction(async (transaction) => {
    if (await joinsLate(transaction)) await notePassedOver(transaction, id, cursor);
  });
}
