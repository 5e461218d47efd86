/** A client that runs elsewhere, with the interface of one that runs here. */
import type { ConversationId, Presence, UserId } from '@sotto/api';
import type { Client } from '../client-interface.ts';
import { abortableOf, heeding } from '../connection/heeding.ts';
import { ClientError } from '../errors.ts';
import { eachEvent } from '../event-loop.ts';
import type { Message } from '../messages/history-item.ts';
import { makeMessageId } from '../messages/message-id.ts';
import type { Profile } from '../people/profile.ts';
import { nameOfLine } from '../state/line-name.ts';
import { onePerKey, Source } from '../state/observable.ts';
import type { ClientState } from '../state/state.ts';
import type { ConnectionView } from '../state/state-connection.ts';
import type { ConversationView, MessageView } from '../state/view.ts';
import type { Place } from './answers.ts';
import { followEvents } from './followed-events.ts';
import { type Followed, follow, followValue } from './followed-value.ts';
import { type Answerer, type Holder, keepAsking } from './holder.ts';
import { CLIENT_METHODS, GROUP_METHODS, PEOPLE_METHODS, type Repetition } from './method-table.ts';
import { type Ask, silentError } from './wire.ts';

/** Follows the client of a holder, who is the follower's from now on: closing the one closes the other. */
export function followHolder(holder: Holder): Client {
  const controller = new AbortController();
  const closing = controller.signal;
  const ask = untilClosed(holder.ask, closing);
  const { closed, silent } = holder;
  const answerer: Answerer = { ask, closed, silent };
  const events = followEvents(answerer, closing);
  silent.subscribe(() => {
    if (!closing.aborted) events.emit('silent', { isSilent: silent.get() });
  });
  const onError = (error: unknown) => events.emit('trouble', { error });
  const keepConnected = connectionKeeper(answerer, closing, onError);
  let ending: Promise<void> | undefined;
  return {
    ...methodsOf<Pick<Client, keyof typeof CLIENT_METHODS>>(ask, '', CLIENT_METHODS),
    groups: methodsOf<Client['groups']>(ask, 'groups.', GROUP_METHODS),
    people: methodsOf<Client['people']>(ask, 'people.', PEOPLE_METHODS),
    messages: ({ signal } = {}) =>
      loopOverMessages(ask, signal ? AbortSignal.any([signal, closing]) : closing),
    on: events.on,
    each(name, { signal } = {}) {
      return eachEvent(events, name, signal ? AbortSignal.any([signal, closing]) : closing);
    },
    state: followState(answerer, closing, onError),
    async connect(options = {}) {
      await heeding(options, () => ask('connect', [options]));
      keepConnected();
    },
    close() {
      controller.abort();
      ending ??= holder.close();
      return ending;
    },
  };
}

function untilClosed(ask: Ask, closing: AbortSignal): Ask {
  const closed = () => new ClientError('client.closed', 'the client was closed');
  return async (name, args, signal) => {
    if (closing.aborted) throw closed();
    try {
      return await ask(name, args, signal);
    } catch (error) {
      throw closing.aborted ? closed() : error;
    }
  };
}

/**
 * What the table does not have is not in `Door`, which is what its methods are known by. Whoever runs the client is told of
 * a signal too, and may be slow to hear it.
 */
function methodsOf<Door>(
  ask: Ask,
  prefix: string,
  table: Readonly<Record<keyof Door & string, Repetition>>,
): Door {
  const methods = Object.entries<Repetition>(table).map(([name, repetition]) => {
    const method = (...args: readonly unknown[]) =>
      heeding(abortableOf(args), () =>
        ask(prefix + name, typeof repetition === 'number' ? withId(args, repetition) : args),
      );
    return [name, method] as const;
  });
  return Object.fromEntries(methods) as Door;
}

/** The message has its id before anybody is asked to send it: asked again, they know it. */
function withId(args: readonly unknown[], place: number): unknown[] {
  const id = makeMessageId(BROWSER_RANDOM, Date.now());
  const all = [...args];
  all[place] = { id, ...(args[place] as object | undefined) };
  return all;
}

const BROWSER_RANDOM = {
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
};

/** Has whoever takes over connect, too, from the first call on. */
function connectionKeeper(
  holder: Answerer,
  closing: AbortSignal,
  onError: (error: unknown) => void,
): () => void {
  let isKept = false;
  const keep = async () => {
    let isAgain = false;
    await keepAsking(holder, closing, (signal) => {
      const asked = holder.ask('connect.keep', [isAgain], signal);
      isAgain = true;
      return asked;
    });
  };
  return () => {
    if (isKept) return;
    isKept = true;
    keep()
      .catch((error) => {
        if (!closing.aborted && !isLoggedOut(error)) onError(error);
      })
      .finally(() => {
        isKept = false;
      });
  };
}

/** Of which `logged-out` tells. */
function isLoggedOut(error: unknown): boolean {
  const codes = ['account.logged-out', 'account.missing'];
  return error instanceof ClientError && codes.includes(error.code);
}

async function* loopOverMessages(ask: Ask, ended: AbortSignal): AsyncGenerator<Message, void> {
  const loop = crypto.randomUUID();
  try {
    while (!ended.aborted) {
      const message = await heeding({ signal: ended }, () => ask('messages.next', [loop]));
      if (message === undefined) return;
      yield message as Message;
    }
  } catch (error) {
    if (!ended.aborted) throw error;
  } finally {
    // A holder that is gone, or does not know the loop, needs not be told.
    ask('messages.end', [loop]).catch(() => {});
  }
}

const OFFLINE: ConnectionView = { status: 'offline' };

/** What is told of the connection, whether anybody looks or not: what it was is nowhere else. And that nobody tells. */
function followConnection(
  holder: Answerer,
  closing: AbortSignal,
  onError: (error: unknown) => void,
): Source<ConnectionView> {
  const told = new Source(OFFLINE);
  const shown = new Source(OFFLINE);
  const show = () => shown.set(holder.silent.get() ? silentView() : told.get());
  const ends = [told.subscribe(show), holder.silent.subscribe(show)];
  const followed = { place: { name: 'connection' }, unknown: OFFLINE, onError } as const;
  void follow(holder, told, { ...followed, ended: closing });
  closing.addEventListener('abort', () => {
    for (const end of ends) end();
    shown.set(OFFLINE);
  });
  return shown;
}

/** It comes by itself, when whoever runs the client goes on, or ends. */
function silentView(): ConnectionView {
  return { status: 'connecting', error: silentError() };
}

function followState(
  holder: Answerer,
  closing: AbortSignal,
  onError: (error: unknown) => void,
): ClientState {
  function following<T>(
    place: Place,
    names: Pick<Followed<T | undefined>, 'nameOf'> = {},
  ): Source<T | undefined> {
    const followed = { place, unknown: undefined, onError, ...names };
    return followValue<T | undefined>(holder, closing, followed);
  }

  return {
    connection: followConnection(holder, closing, onError),
    conversations: following(
      { name: 'conversations' },
      { nameOf: ({ id }: ConversationView) => id },
    ),
    messages: onePerKey((conversation: ConversationId) => {
      const place = { name: 'messages', of: conversation } as const;
      const lines = following<readonly MessageView[]>(place, { nameOf: nameOfLine });
      const older = async () => {
        const before = lines.get();
        if (before === undefined) return false;
        const isMore = (await holder.ask('state.older', [conversation])) === true;
        if (isMore && lines.get() === before) await nextChange(lines, closing);
        return isMore;
      };
      return Object.assign(lines, { older });
    }),
    presence: onePerKey((user: UserId) => following<Presence>({ name: 'presence', of: user })),
    profile: onePerKey((user: UserId) => following<Profile>({ name: 'profile', of: user })),
  };
}

/** What is answered and what is told come by ways of their own. */
function nextChange(source: Source<unknown>, closing: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = source.subscribe(resolve);
  closing.addEventListener('abort', () => resolve());
  return promise.finally(end);
}
