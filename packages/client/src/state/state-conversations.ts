/** The list of conversations, as a user interface shows it: each is read again only when something of it has changed. */
import type { ConversationId, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { STATE_READ_AT_ONCE } from '../limits.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { listKnownConversations } from '../messages/conversations.ts';
import { HistoryItem } from '../messages/history-item.ts';
import { readTimer } from '../messages/lifetime.ts';
import { countUnread, viewMessages } from '../messages/message-view.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import type { Observable } from './observable.ts';
import { keepSame } from './same-value.ts';
import { openTypingBoard } from './state-typing.ts';
import { type StateDeps, StoredValue } from './stored-value.ts';
import type { ConversationView, MessageView } from './view.ts';

/** A line of the list, and what it is sorted by. */
interface Line {
  readonly view: ConversationView;
  /** When something was last said there, in milliseconds since 1970. */
  readonly movedAt: number;
}

/** All conversations, first the one where something was said last; undefined until they were read. */
export function openConversationList(
  deps: StateDeps,
): Observable<readonly ConversationView[] | undefined> {
  return new StoredValue<readonly ConversationView[]>(deps, (again) => {
    const { store, events, clock } = deps;
    const lines = new Map<ConversationId, Line>();
    const stale = new Set<ConversationId>();
    let isListed = false;
    const mark = (conversation: ConversationId) => {
      stale.add(conversation);
      again();
    };
    const typing = openTypingBoard({ events, onChange: mark });
    const ends = [
      events.on('conversation', ({ conversation }) => mark(conversation)),
      events.on('lines-changed', ({ conversation }) => mark(conversation)),
      // A link brings conversations and their past before the first connection, and no events.
      events.on('connecting', () => {
        isListed = false;
      }),
      typing.close,
    ];

    /** What cannot be read stays stale for the next time. */
    const readSome = (local: LocalParty, some: readonly ConversationId[]) =>
      store.transaction(async (transaction) => {
        for (const id of some) {
          const line = await readLine(transaction, local, {
            ...{ id, typing: typing.in(id), now: clock() },
          });
          if (line === undefined) lines.delete(id);
          else lines.set(id, line);
        }
      });

    return {
      async read(local, before) {
        if (!isListed) for (const { id } of await listKnownConversations(store)) stale.add(id);
        isListed = true;
        const asked = [...stale];
        for (let start = 0; start < asked.length; start += STATE_READ_AT_ONCE) {
          const some = asked.slice(start, start + STATE_READ_AT_ONCE);
          for (const id of some) stale.delete(id);
          await readSome(local, some).catch((error) => {
            for (const id of some) stale.add(id);
            throw error;
          });
        }
        return keepSame(before, inOrder(lines.values()), ({ id }) => id);
      },
      end() {
        for (const end of ends) end();
      },
    };
  });
}

async function readLine(
  transaction: StoreTransaction,
  local: LocalParty,
  { id, typing, now }: { id: ConversationId; typing: readonly UserId[]; now: number },
): Promise<Line | undefined> {
  const record = await getRecord(transaction, keys.conversation(id), ConversationRecord);
  if (record === undefined) return undefined;
  const newest = (await viewMessages(transaction, local, id, { limit: 1, now })).at(-1);
  const { kind, members } = record;
  const view: ConversationView = {
    ...{ id, kind, members, typing },
    admins: record.kind === 'group' ? record.admins : [],
    ...(record.kind === 'group' && record.title !== undefined && { title: record.title }),
    unread: await countUnread(transaction, id),
    ...(newest && { newest }),
    timer: await readTimer(transaction, id),
  };
  return { view, movedAt: await timeOf(transaction, newest) };
}

/** By the platform's clock, which is one for all conversations: a member's may be wrong, or lie to stand first. */
async function timeOf(
  transaction: StoreTransaction,
  line: MessageView | undefined,
): Promise<number> {
  if (line?.seq === undefined) return line?.time ?? 0;
  const key = keys.message(line.conversation, line.seq);
  const item = await getRecord(transaction, key, HistoryItem);
  return item === undefined ? line.time : Date.parse(item.sentAt);
}

/** Ids of conversations rise with time where nothing else tells. */
function inOrder(lines: Iterable<Line>): ConversationView[] {
  return [...lines]
    .sort((a, b) => b.movedAt - a.movedAt || (a.view.id < b.view.id ? 1 : -1))
    .map(({ view }) => view);
}
