/** The client while it is connected: which frame goes to whom, and what starts and ends with each connection. */
import { type ConversationId, openSocketTicket, type ServerFrame, Stored } from '@sotto/api';
import { ClientError } from './errors.ts';
import { type Lane, startLane } from './lane.ts';
import { outboxConversations } from './outbox.ts';
import type { PeerDeps } from './peers.ts';
import { keepPrekeys } from './prekeys.ts';
import { createReceiver, type Receiver } from './receive.ts';
import { openSocket, type SendFrame, type Socket } from './socket.ts';

export interface ConnectionDeps extends PeerDeps {
  readonly url: string;
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly random: () => number;
  /** There is something new for `messages()`. */
  readonly onArrival: () => void;
}

export interface Connection {
  /** Resolves at the first `hello`; rejects when no attempt will follow any more. */
  readonly opened: Promise<void>;
  /** There is something new in the outbox of a conversation, or of any. */
  wake(conversation?: ConversationId): void;
  close(): Promise<void>;
}

/** What lives as long as one socket. */
interface Attendance {
  readonly send: SendFrame;
  readonly lanes: Map<ConversationId, Lane>;
  readonly receiver: Receiver;
  /** Frames of the receiver, one after the other. */
  tail: Promise<void>;
}

/** Connects, and stays connected until `close`. */
export function openConnection(deps: ConnectionDeps): Connection {
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  opened.catch(() => {}); // Whoever connects awaits it; without them a failure is an event all the same.
  const endings = new Set<Promise<void>>();
  let attendance: Attendance | undefined;
  let upkeeping: Promise<void> | undefined;

  /** One at a time: two would refill twice. */
  function upkeep(): Promise<void> {
    upkeeping ??= keepPrekeys(deps).finally(() => {
      upkeeping = undefined;
    });
    return upkeeping;
  }

  const fail = (error: unknown) => {
    deps.events.emit('trouble', { error });
    socket.reopen(error);
  };

  function attend(send: SendFrame): void {
    const onPrekeyUsed = () => void upkeep().catch((error) => report(deps, error));
    const receiver = createReceiver({ ...deps, send, onPrekeyUsed });
    attendance = { send, receiver, lanes: new Map(), tail: Promise.resolve() };
  }

  function laneOf(here: Attendance, conversation: ConversationId): Lane {
    const lane =
      here.lanes.get(conversation) ?? startLane({ ...deps, send: here.send }, conversation);
    here.lanes.set(conversation, lane);
    return lane;
  }

  async function startLanes(here: Attendance): Promise<void> {
    const waiting = await deps.store.transaction(outboxConversations);
    if (attendance !== here) return;
    for (const conversation of waiting) laneOf(here, conversation);
  }

  function onFrame(frame: ServerFrame): void {
    const here = attendance;
    if (here === undefined) return;
    switch (frame.type) {
      case 'hello':
        deps.events.emit('connected', { incarnation: frame.incarnation });
        resolve();
        void startLanes(here).catch(fail);
        return;
      case 'stored':
        void here.lanes
          .get(frame.conversation)
          ?.onStored(frame.number, Stored.parse(frame))
          .catch(fail);
        return;
      case 'refused':
        here.lanes.get(frame.conversation)?.onRefused(frame.number, frame.problem);
        return;
      default:
        here.tail = here.tail.then(() => here.receiver.take(frame));
        here.tail.catch(fail);
    }
  }

  function leave(): void {
    for (const lane of attendance?.lanes.values() ?? []) {
      const ending = lane.stop().finally(() => endings.delete(ending));
      endings.add(ending);
    }
    attendance = undefined;
  }

  const socket: Socket = openSocket({
    ...deps,
    async ticket() {
      await upkeep();
      return (await deps.call(openSocketTicket, {})).ticket;
    },
    onOpen: attend,
    onFrame,
    onDown(ended) {
      leave();
      deps.events.emit('disconnected', ended);
      if (ended.retryMs === undefined) reject(ended.error);
    },
  });

  return {
    opened,
    wake(conversation) {
      const here = attendance;
      if (here === undefined) return;
      if (conversation !== undefined) laneOf(here, conversation).wake();
      else for (const lane of here.lanes.values()) lane.wake();
    },
    async close() {
      reject(new ClientError('client.closed', 'the client was closed'));
      await socket.close();
      const tail = attendance?.tail;
      leave();
      await Promise.allSettled([tail, ...endings]);
    },
  };
}

function report({ events }: PeerDeps, error: unknown): void {
  events.emit('trouble', { error });
}
