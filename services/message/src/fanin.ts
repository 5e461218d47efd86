/** What other nodes committed, to the sockets of this one. */
import { FANOUT_SUBJECT } from '@sotto/api/internal';
import type { Bus, Closable, Database } from '@sotto/runtime';
import type { Room } from './audience.ts';
import type { Audiences } from './audiences.ts';
import type { Events } from './events.ts';
import { batchesOf, decodeBatch, type FanoutGroup, type FanoutReference } from './fanout-batch.ts';
import { readForwards } from './history-store.ts';
import type { Attendee, Hub } from './hub.ts';
import { CATCH_UP_PAGE, RECHECKS_AT_ONCE } from './limits.ts';
import type { Tables } from './schema.ts';

export interface FaninDeps {
  database: Pick<Database<Tables>, 'pool'>;
  bus: Bus;
  /** This node's name: its own batches have reached its sockets from memory. */
  node: string;
  audiences: Audiences;
  hub: Hub;
  events: Events;
}

/** Reads the fan-out log from its end on. After a gap every socket looks in the database for what it missed. */
export function startFanin(deps: FaninDeps): Promise<Closable> {
  const recheck = createRecheck(deps);
  const isOwn = batchesOf(deps.node);
  return deps.bus.follow(FANOUT_SUBJECT, {
    async onMessage(data) {
      if (isOwn(data) || deps.hub.isEmpty()) return;
      const batch = decodeBatch(data);
      if (batch.type === 'catch-up') recheck();
      else if (batch.type === 'references') {
        for (const reference of batch.references) await deliverReference(deps, reference);
      } else {
        for (const group of batch.groups) await deliverGroup(deps, group);
        const sentAt = batch.groups[0]?.messages[0]?.sentAt;
        if (sentAt !== undefined) deps.events.fannedIn(Date.now() - Date.parse(sentAt));
      }
    },
    onGap: recheck,
  });
}

/** Makes every socket look, one round at a time; what is asked for during a round is done in the next. */
function createRecheck({ hub, events }: Pick<FaninDeps, 'hub' | 'events'>): () => void {
  let isRunning = false;
  let again = false;
  async function run(): Promise<void> {
    isRunning = true;
    while (again) {
      again = false;
      events.rechecked();
      await recheckAll([...hub.all()]);
    }
    isRunning = false;
  }
  return () => {
    again = true;
    if (!isRunning) void run();
  };
}

async function deliverGroup(deps: FaninDeps, { conversation, version, messages }: FanoutGroup) {
  const known = deps.audiences.find(conversation)?.room;
  const room =
    known !== undefined && known.version >= version
      ? known
      : await deps.audiences.loadRoom(conversation, (read) => isWorthwhile(deps.hub, read));
  if (room !== undefined) deps.hub.deliver(room, messages);
}

/** Read once for all sockets of this node. */
async function deliverReference(
  deps: FaninDeps,
  { conversation, first, last }: FanoutReference,
): Promise<void> {
  const isHere = (read: Room) => isAnyoneHere(deps.hub, read);
  const room = await deps.audiences.loadRoom(conversation, isHere);
  if (room === undefined) return;
  for (let above = first - 1; above < last; ) {
    const wanted = { conversation, above, upTo: last, limit: CATCH_UP_PAGE };
    const { messages } = await readForwards(deps.database, wanted);
    const reached = messages.at(-1)?.seq;
    if (reached === undefined) return;
    deps.hub.deliver(room, messages);
    above = reached;
  }
}

/**
 * Whether a room is to be remembered: a group only while somebody is here, for those of others would fill the memory of
 * every node. Two who write to each other elsewhere are remembered for what is small: that nobody is here.
 */
function isWorthwhile(hub: Hub, room: Room): boolean {
  return room.kind === 'direct' || isAnyoneHere(hub, room);
}

function isAnyoneHere(hub: Hub, { members }: Room): boolean {
  return [...members.keys()].some((user) => hub.hasUser(user));
}

async function recheckAll(attendees: readonly Attendee[]): Promise<void> {
  const waiting = attendees.values();
  const work = async () => {
    for (const attendee of waiting) await attendee.recheck();
  };
  await Promise.all(Array.from({ length: RECHECKS_AT_ONCE }, work));
}
