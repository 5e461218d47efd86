/** What the tests of lying platforms have in common: people who talk, what one of them is told of places, what she sees. */
import { randomUUID } from 'node:crypto';
import { type ConversationId, listMessages, MessageId, type Slot } from '@sotto/api';
import type { HistoryItem, MessageView } from '@sotto/client';
import { afterAll, beforeAll, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { openScene, type Pair, type Person, type Scene, until } from './scene.ts';

/** A platform for the tests of one file, which may run at the same time. */
export interface Stage {
  url(): string;
  /** Alice behind the proxy and Bob before it, who have said hello, in a scene of their own. */
  acquainted(): Promise<Pair & { readonly scene: Scene }>;
}

/** To be called once in a file, outside its tests. */
export function openStage(): Stage {
  let platform: Standalone;
  const scenes: Scene[] = [];
  // Most of a test waits for the key log, so they wait together: on a busy machine, for each other.
  vi.setConfig({ testTimeout: 120_000 });
  beforeAll(async () => {
    platform = await startStandalone({ environment: NO_LIMITS });
  });
  afterAll(async () => {
    for (const scene of scenes) await scene.close();
    await platform?.close();
  });
  return {
    url: () => platform.url,
    async acquainted() {
      const scene = await openScene(platform.url);
      scenes.push(scene);
      return { scene, ...(await scene.acquainted()) };
    },
  };
}

/** A group that somebody has founded, once everybody sees it. */
export async function foundGroup(
  founder: Person,
  others: readonly Person[],
  title?: string,
): Promise<ConversationId> {
  const members = others.map(({ user }) => user);
  const { id } = await founder.client.groups.create({ members, ...(title && { title }) });
  for (const { client } of others) {
    await until(async () => (await client.conversations()).some((known) => known.id === id));
  }
  return id;
}

/** Changes what Alice is told of places, by the socket and in histories alike. */
export function showSlots(
  { proxy }: Scene,
  show: (slot: Slot, conversation: ConversationId) => Slot[],
): void {
  proxy.reframe = (frame) => {
    if (frame.type !== 'slots') return [frame];
    const { conversation } = frame;
    return [{ ...frame, slots: frame.slots.flatMap((slot) => show(slot, conversation)) }];
  };
  proxy.rewrite(listMessages, (page, { id = '' }) => ({
    ...page,
    slots: page.slots.flatMap((slot) => show(slot, id as ConversationId)),
  }));
}

/** A place that is said to hold nothing. */
export function nothingAt({ seq }: { readonly seq: number }): Slot {
  return { type: 'none', from: seq, to: seq };
}

/** An id that nobody has, of the same form. */
export function otherId(id: MessageId): MessageId {
  return MessageId.parse(id.slice(0, 24) + randomUUID().slice(24));
}

/** Says something, and gives its place. */
export async function say({ client }: Person, conversation: ConversationId, text: string) {
  const { id } = await client.sendText(conversation, text);
  return (await client.whenStored(id)).seq;
}

/** The lines that a page would show. */
export function watchLines(
  { client }: Person,
  conversation: ConversationId,
): () => readonly MessageView[] {
  const messages = client.state.messages(conversation);
  messages.subscribe(() => {});
  return () => messages.get() ?? [];
}

/** The texts of a conversation. */
export async function textsIn(person: Person, conversation: ConversationId): Promise<string[]> {
  return (await ordersIn(person, conversation)).map(([text]) => text);
}

/** Texts, and what is said of the order in which they came. */
export async function ordersIn(
  { client }: Person,
  conversation: ConversationId,
): Promise<[string, string][]> {
  const isMessage = (item: HistoryItem) => item.type === 'message';
  const messages = (await client.history(conversation)).filter(isMessage);
  return messages.flatMap(({ content, order }) =>
    content.type === 'text' ? [[content.text, order] as [string, string]] : [],
  );
}
