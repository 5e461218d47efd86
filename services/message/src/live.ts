/**
 * Live signals, put together: who is there, what is not stored, what has been delivered.
 *
 * All of it goes to the other nodes by signals that may be lost. Nothing depends on them but how soon somebody hears:
 * presence and relations are read from the database again by themselves, what is typed or delivered comes again.
 */
import { ConversationId, type DeviceId, UserId } from '@sotto/api';
import type { Bus, Closable } from '@sotto/runtime';
import { z } from 'zod';
import { createAnnouncements } from './announcements.ts';
import type { Audiences } from './audiences.ts';
import { type CircleDatabase, createCircles, type RelationNews } from './circles.ts';
import { type Connections, startConnections } from './connections.ts';
import { type Delivered, startDelivered } from './delivered.ts';
import { type Ephemeral, startEphemeral } from './ephemeral.ts';
import type { Events } from './events.ts';
import type { Attendee, Hub } from './hub.ts';
import { SIGNALLED_USERS_MAX } from './limits.ts';
import { writeVisible } from './presence-store.ts';
import { Watches } from './watches.ts';

/** Users who may have come or gone: whoever is asked looks in the database. */
const CHANGED = 'presence.changed';
const Changed = z.object({ users: z.array(UserId) });

/** Users who may be seen, or heard, by others than before. */
const RELATIONS = 'presence.relations';
const Relations = z.object({
  node: z.string(),
  users: z.array(UserId),
  conversation: z.optional(ConversationId),
});

export interface Live extends Closable, Pick<Ephemeral, 'pass'> {
  /** A device has its socket here since a moment of the database's clock. */
  joined(who: Pick<Attendee, 'user' | 'device'>, arrival: number): void;
  /** A socket has ended. */
  left(attendee: Attendee): void;
  /** Tells a socket of these users from now on, and of nobody else. */
  watch(attendee: Attendee, users: readonly UserId[]): void;
  /** Notes an acknowledgement, of which senders are told. */
  noteDelivered: Delivered['note'];
  /** A user without a socket is there for the next minute. */
  announce(user: UserId): Promise<void>;
  /** Shows or hides a user. */
  show(user: UserId, visible: boolean): Promise<void>;
  /** Calls back with devices whose node has died, which missed what was sent meanwhile. */
  onLost(hear: (device: DeviceId) => void): void;
  /** It is in the database that users stand otherwise to each other, or to a conversation. */
  changeRelations(news: RelationNews): void;
}

export interface LiveDeps {
  audiences: Pick<Audiences, 'forget'>;
  database: CircleDatabase;
  bus: Bus;
  /** This node among those that share the database. */
  node: string;
  hub: Hub;
  events: Pick<Events, 'presenceFailed' | 'signalFailed'>;
}

/** Starts all of it. Rejects when the database or the bus does. Close it behind the sockets. */
export async function startLive(deps: LiveDeps): Promise<Live> {
  await using opened = new AsyncDisposableStack();
  const own = <Owned extends { close(): Promise<void> }>(resource: Owned): Owned => {
    opened.defer(() => resource.close());
    return resource;
  };
  const { database, bus, node, hub } = deps;
  const circles = createCircles(database);
  const watches = own(new Watches(deps));
  const signalChanged = (users: readonly UserId[]) => {
    for (let start = 0; start < users.length; start += SIGNALLED_USERS_MAX) {
      const page = users.slice(start, start + SIGNALLED_USERS_MAX);
      bus.signal(CHANGED, Buffer.from(JSON.stringify({ users: page })));
    }
  };
  const apply = (news: RelationNews) => {
    circles.change(news);
    // Who receives may have changed without a version of its own.
    if (news.conversation !== undefined) deps.audiences.forget(news.conversation);
    watches.reconsider(
      news.users,
      news.users.flatMap((user) => [...hub.ofUser(user)]),
    );
  };
  const changeRelations = (news: RelationNews) => {
    apply(news);
    bus.signal(RELATIONS, Buffer.from(JSON.stringify({ node, ...news })));
  };
  own(await hear(bus, { node, watches, apply }));
  const ephemeral = own(await startEphemeral({ ...deps, circles }));
  const delivered = own(await startDelivered({ ...deps, circles }));
  let tellLost = (_: DeviceId): void => undefined;
  const connections: Connections = own(
    await startConnections({
      ...deps,
      onWritten: signalChanged,
      onNodesChanged: () => watches.lookAtAll(),
      onLost: (devices) => devices.forEach(tellLost),
    }),
  );
  const running = opened.move();
  return {
    joined: connections.joined,
    left(attendee) {
      watches.leave(attendee);
      // The device may have another socket here by now.
      if (hub.find(attendee.device) === undefined) connections.left(attendee);
    },
    watch: (attendee, users) => watches.watch(attendee, users),
    pass: ephemeral.pass,
    noteDelivered: delivered.note,
    announce: createAnnouncements(database, signalChanged),
    async show(user, visible) {
      await writeVisible(database, user, visible);
      changeRelations({ users: [user] });
    },
    onLost(hear) {
      tellLost = hear;
    },
    changeRelations,
    close: () => running.disposeAsync(),
  };
}

interface Hearing {
  node: string;
  watches: Watches;
  apply(news: RelationNews): void;
}

async function hear(bus: Bus, { node, watches, apply }: Hearing): Promise<Closable> {
  const listeners = await Promise.all([
    // This node's own too: its sockets watch like any others.
    bus.listen(CHANGED, (data) => {
      const changed = Changed.safeParse(JSON.parse(Buffer.from(data).toString()));
      if (changed.success) watches.look(changed.data.users);
    }),
    bus.listen(RELATIONS, (data) => {
      const relations = Relations.safeParse(JSON.parse(Buffer.from(data).toString()));
      if (relations.success && relations.data.node !== node) apply(relations.data);
    }),
  ]);
  return {
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
  };
}
