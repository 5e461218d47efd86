/**
 * Keeps the table of connections true for this node: which devices have a socket here, and that the node lives.
 *
 * What comes and goes is gathered for a quarter of a second and written together; what cannot be written is tried
 * again. A node that dies takes its connections with it, since a connection counts only while its node beats.
 */
import type { DeviceId, UserId } from '@sotto/api';
import type { Closable } from '@sotto/runtime';
import {
  beat,
  type ConnectionDatabase,
  type ConnectionRow,
  deleteConnections,
  deleteNode,
  insertConnections,
  sweepNodes,
} from './connection-store.ts';
import type { Events } from './events.ts';
import type { Attendee, Hub } from './hub.ts';
import {
  CONNECTIONS_FLUSH_MS,
  CONNECTIONS_PER_STATEMENT,
  LOOK_RETRY_MS,
  NODE_BEAT_MS,
  NODES_SWEEP_MS,
} from './limits.ts';

export interface Connections extends Closable {
  /** A device has a socket here since a moment of the database's clock. */
  joined(who: Pick<Attendee, 'user' | 'device'>, arrival: number): void;
  /** A device has no socket here any more. */
  left(who: Pick<Attendee, 'user' | 'device'>): void;
}

export interface ConnectionsDeps {
  database: ConnectionDatabase;
  node: string;
  hub: Pick<Hub, 'present'>;
  events: Pick<Events, 'presenceFailed'>;
  /** It is in the table now that these users have come or gone. */
  onWritten(users: readonly UserId[]): void;
  /** Another node has died or come to be. */
  onNodesChanged(): void;
  /** These devices were connected to a node that died. One node is told of each. */
  onLost(devices: readonly DeviceId[]): void;
}

/** The newest that is known of a device and not written yet; without an arrival it is gone. */
interface Pending {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly arrival: number | undefined;
}

/** Beats from the start, once before it resolves. Rejects when the database does. Close it behind the sockets. */
export async function startConnections(deps: ConnectionsDeps): Promise<Connections> {
  const { database, node, hub, events } = deps;
  const pending = new Map<DeviceId, Pending>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function note(change: Pending): void {
    pending.set(change.device, change);
    schedule(CONNECTIONS_FLUSH_MS);
  }

  function schedule(afterMs: number): void {
    timer ??= setTimeout(() => {
      writing = flush();
    }, afterMs);
  }

  /** Never rejects. The timer is free again when everything is written, so that writes never overlap. */
  async function flush(): Promise<void> {
    const changes = [...pending.values()];
    try {
      await write(changes);
      for (const change of changes) {
        // Something newer may have come meanwhile.
        if (pending.get(change.device) === change) pending.delete(change.device);
      }
      deps.onWritten([...new Set(changes.map(({ user }) => user))]);
      timer = undefined;
      if (pending.size > 0) schedule(CONNECTIONS_FLUSH_MS);
    } catch (error) {
      events.presenceFailed(error);
      timer = undefined;
      schedule(LOOK_RETRY_MS);
    }
  }

  async function write(changes: readonly Pending[]): Promise<void> {
    const here = changes.filter((change): change is ConnectionRow => change.arrival !== undefined);
    const gone = changes.flatMap(({ device, arrival }) => (arrival === undefined ? [device] : []));
    for (const page of pagesOf(here)) await insertConnections(database, node, page);
    for (const page of pagesOf(gone)) await deleteConnections(database, node, page);
  }

  const beating = await startBeating(deps, () => {
    // The others have taken this node for dead, and removed what it had.
    for (const { attendee, arrival } of hub.present()) {
      note({ user: attendee.user, device: attendee.device, arrival });
    }
  });
  return {
    joined: ({ user, device }, arrival) => note({ user, device, arrival }),
    left: ({ user, device }) => note({ user, device, arrival: undefined }),
    async close() {
      await beating.close();
      await writing;
      clearTimeout(timer);
      await flush();
      clearTimeout(timer);
      // What could not be removed now is swept by another node.
      await deleteNode(database, node).catch(events.presenceFailed);
    },
  };
}

/** Says every other second that the node lives, and looks who else does. */
async function startBeating(
  { database, node, events, onNodesChanged, onLost }: ConnectionsDeps,
  onForgotten: () => void,
): Promise<Closable> {
  let others: string | undefined;
  let beating: Promise<void> = Promise.resolve();
  let isBeating = false;
  let sweptAt = performance.now();

  async function work(): Promise<void> {
    const { isKnown, others: living } = await beat(database, node);
    const now = living.sort().join();
    if (others !== undefined && !isKnown) onForgotten();
    if (others !== undefined && others !== now) onNodesChanged();
    others = now;
    if (performance.now() - sweptAt < NODES_SWEEP_MS) return;
    sweptAt = performance.now();
    const lost = await sweepNodes(database);
    if (lost.length > 0) onLost(lost);
  }

  await work();
  const timer = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    beating = work()
      .catch(events.presenceFailed)
      .finally(() => {
        isBeating = false;
      });
  }, NODE_BEAT_MS);
  return {
    async close() {
      clearInterval(timer);
      await beating;
    },
  };
}

function* pagesOf<T>(rows: readonly T[]): Generator<T[]> {
  for (let start = 0; start < rows.length; start += CONNECTIONS_PER_STATEMENT) {
    yield rows.slice(start, start + CONNECTIONS_PER_STATEMENT);
  }
}
