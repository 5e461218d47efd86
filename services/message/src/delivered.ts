/**
 * Tells senders that what they sent has reached a device of another member (`delivered` frames).
 *
 * Acknowledgements are gathered for a second, looked through by who may hear whose signals, and told: to senders on
 * this node, and by one signal to the other nodes, which gather for a second too, so that no socket hears of a
 * conversation more often than that. Nothing is kept: who was away learns it from the next one. A member's other device
 * may be further behind than what was told of the first: clients go by the furthest.
 */
import { ConversationId, UserId } from '@sotto/api';
import type { Bus, Closable, Database } from '@sotto/runtime';
import { z } from 'zod';
import { findSenders, type Places } from './circle-store.ts';
import { areApart, type Circle, type Circles } from './circles.ts';
import type { Events } from './events.ts';
import type { Hub } from './hub.ts';
import {
  DELIVERED_MS,
  DELIVERED_PENDING_MAX,
  DELIVERED_RANGE_PLACES_MAX,
  DELIVERED_RANGES_MAX,
} from './limits.ts';
import type { Tables } from './schema.ts';

const SUBJECT = 'presence.delivered';

/** A device has acknowledged places. */
export interface Acknowledged {
  readonly conversation: ConversationId;
  /** Whose device. */
  readonly user: UserId;
  readonly seq: number;
  /** Who sent what the device was given of those places. */
  readonly senders: Iterable<UserId>;
  /** Places that it has from elsewhere begin above this one: who sent them is to be looked up. */
  readonly unknownAbove?: number | undefined;
}

export interface Delivered extends Closable {
  /** Notes an acknowledgement. Cheap, and never throws. */
  note(acknowledged: Acknowledged): void;
}

export interface DeliveredDeps {
  database: Pick<Database<Tables>, 'query'>;
  bus: Bus;
  node: string;
  hub: Pick<Hub, 'ofUser' | 'hasUser'>;
  circles: Circles;
  events: Pick<Events, 'signalFailed'>;
}

/** What one member has acknowledged of one conversation within a second. */
interface Progress {
  readonly conversation: ConversationId;
  readonly user: UserId;
  seq: number;
  readonly senders: Set<UserId>;
  unknownAbove: number | undefined;
}

/** Conversation, who is told, who has acknowledged, and up to where. */
const Receipt = z.tuple([ConversationId, UserId, UserId, z.int()]);
type Receipt = z.infer<typeof Receipt>;
const Signal = z.object({ node: z.string(), receipts: z.array(Receipt) });

/** Hears what other nodes tell, until it is closed. */
export async function startDelivered(deps: DeliveredDeps): Promise<Delivered> {
  const { bus, node, hub, events } = deps;
  const noted = createNoted();
  const outgoing = createOutgoing(hub);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  function schedule(): void {
    if (!isClosed) timer ??= setTimeout(() => void flush(), DELIVERED_MS);
  }

  /** The timer is free again only when the frames are out, so that a second lies between two. */
  async function flush(): Promise<void> {
    try {
      const receipts = await findReceipts(deps, noted.takeAll());
      signal(receipts);
      for (const receipt of receipts) outgoing.add(receipt);
    } catch (error) {
      events.signalFailed(error);
    }
    outgoing.send();
    timer = undefined;
    if (!noted.isEmpty()) schedule();
  }

  function signal(receipts: readonly Receipt[]): void {
    for (let start = 0; start < receipts.length; start += RECEIPTS_PER_SIGNAL) {
      const page = receipts.slice(start, start + RECEIPTS_PER_SIGNAL);
      bus.signal(SUBJECT, Buffer.from(JSON.stringify({ node, receipts: page })));
    }
  }

  const listener = await bus.listen(SUBJECT, (data) => {
    const heard = Signal.safeParse(JSON.parse(Buffer.from(data).toString()));
    if (!heard.success || heard.data.node === node) return;
    for (const receipt of heard.data.receipts) if (outgoing.add(receipt)) schedule();
  });
  return {
    note(acknowledged) {
      noted.add(acknowledged);
      schedule();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await listener.close();
    },
  };
}

/** Of 140 bytes each; the bus takes a megabyte. */
const RECEIPTS_PER_SIGNAL = 4_000;

/** What was acknowledged since the last time. */
function createNoted() {
  const noted = new Map<ConversationId, Map<UserId, Progress>>();
  let count = 0;
  return {
    isEmpty: () => count === 0,
    add({ conversation, user, seq, senders, unknownAbove }: Acknowledged): void {
      const progress = noted.get(conversation)?.get(user);
      if (progress === undefined) {
        if (count >= DELIVERED_PENDING_MAX) return;
        count += 1;
        const members = noted.get(conversation) ?? new Map();
        const begun = { conversation, user, seq, senders: new Set(senders), unknownAbove };
        noted.set(conversation, members.set(user, begun));
        return;
      }
      for (const sender of senders) progress.senders.add(sender);
      progress.seq = Math.max(progress.seq, seq);
      if (unknownAbove !== undefined) {
        progress.unknownAbove = Math.min(unknownAbove, progress.unknownAbove ?? unknownAbove);
      }
    },
    takeAll(): Progress[] {
      const all = [...noted.values()].flatMap((members) => [...members.values()]);
      noted.clear();
      count = 0;
      return all;
    },
  };
}

/** Who is told what: senders who may hear the member that has acknowledged, and have accepted the conversation too. */
async function findReceipts(
  { database, circles, events }: Pick<DeliveredDeps, 'database' | 'circles' | 'events'>,
  acknowledged: readonly Progress[],
): Promise<Receipt[]> {
  await addUnknownSenders(database, acknowledged);
  // Asked for together: those that are not remembered become one statement.
  const found = await Promise.allSettled(
    acknowledged.map(async ({ conversation, user, seq, senders }): Promise<Receipt[]> => {
      senders.delete(user);
      if (senders.size === 0) return [];
      const circle = circles.find(conversation, user) ?? (await circles.load(conversation));
      return [...senders].flatMap((sender): Receipt[] => {
        return mayTell(circle, user, sender) ? [[conversation, sender, user, seq]] : [];
      });
    }),
  );
  const failure = found.find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') events.signalFailed(failure.reason);
  return found
    .flatMap((receipts) => (receipts.status === 'fulfilled' ? receipts.value : []))
    .slice(0, DELIVERED_PENDING_MAX);
}

function mayTell(circle: Circle, user: UserId, sender: UserId): boolean {
  const haveAccepted = circle.members.get(user) && circle.members.get(sender);
  return haveAccepted === true && !areApart(circle, user, sender);
}

/** Looks up who sent what a device has acknowledged without having been given it by a socket. */
async function addUnknownSenders(
  database: DeliveredDeps['database'],
  acknowledged: readonly Progress[],
): Promise<void> {
  const unknown = acknowledged
    .filter(({ unknownAbove, seq }) => unknownAbove !== undefined && unknownAbove < seq)
    .slice(0, DELIVERED_RANGES_MAX);
  if (unknown.length === 0) return;
  const places = unknown.map(({ conversation, unknownAbove = 0, seq: upTo }): Places => {
    return { conversation, above: Math.max(unknownAbove, upTo - DELIVERED_RANGE_PLACES_MAX), upTo };
  });
  for (const { place, sender } of await findSenders(database, places)) {
    unknown[place]?.senders.add(sender);
  }
}

/** What the sockets of this node are to be told: to whom, of which conversation, whose progress. */
function createOutgoing(hub: DeliveredDeps['hub']) {
  const waiting = new Map<UserId, Map<ConversationId, Map<UserId, number>>>();
  return {
    /** False when nobody here is to be told. */
    add([conversation, sender, user, seq]: Receipt): boolean {
      if (!hub.hasUser(sender)) return false;
      const conversations = waiting.get(sender) ?? new Map<ConversationId, Map<UserId, number>>();
      const members = conversations.get(conversation) ?? new Map<UserId, number>();
      members.set(user, Math.max(seq, members.get(user) ?? 0));
      waiting.set(sender, conversations.set(conversation, members));
      return true;
    },
    send(): void {
      for (const [sender, conversations] of waiting) {
        for (const [conversation, progress] of conversations) {
          const members = [...progress].map(([user, seq]) => ({ user, seq }));
          const text = JSON.stringify({ type: 'delivered', conversation, members });
          for (const attendee of hub.ofUser(sender)) attendee.pass(text);
        }
      }
      waiting.clear();
    },
  };
}
