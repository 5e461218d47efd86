/** What somebody has written lately in one conversation. */
import type { Client, Message } from '@sotto/client';
import type { ConversationId, UserId } from '@sotto/hooks';

/** As many as a person looks through. */
const SHOWN_MAX = 30;
const PAGE = 100;
/** How far it is looked back: about a store's reading time that nobody notices. */
const PLACES_MAX = 1000;

/** Texts and files of a user, the newest first. Throws what the store throws. */
export async function readWritten(
  client: Pick<Client, 'history' | 'lines'>,
  { user, conversation }: { readonly user: UserId; readonly conversation: ConversationId },
): Promise<Message[]> {
  const lines = await client.lines(conversation);
  const last = Math.max(0, ...lines.map(({ seq = 0 }) => seq));
  const found: Message[] = [];
  for (let after = Math.max(0, last - PLACES_MAX); ; ) {
    const page = await client.history(conversation, { after, limit: PAGE });
    for (const item of page) {
      if (item.type !== 'message' || item.sender.user !== user) continue;
      if (item.content.type === 'text' || item.content.type === 'file') found.push(item);
    }
    const end = page.at(-1)?.seq;
    if (end === undefined || page.length < PAGE) return found.slice(-SHOWN_MAX).reverse();
    after = end;
  }
}
