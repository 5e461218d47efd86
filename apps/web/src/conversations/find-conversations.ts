/** Which conversations somebody looks for. */
import type { ConversationView } from '@sotto/client';
import { conversationName, previewWords, type Reader } from '@sotto/hooks';

/** Those whose name or last line has all words of `query`, without case and accents; all of them for none. */
export function findConversations(
  views: readonly ConversationView[],
  query: string,
  reader: Reader,
): readonly ConversationView[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return views;
  return views.filter((view) => {
    const { newest } = view;
    const isGroup = view.kind === 'group';
    const said = newest === undefined ? '' : previewWords(newest, isGroup, reader);
    const text = plain(`${conversationName(view, reader.me, reader.nameOf)} ${said}`);
    return words.every((word) => text.includes(word));
  });
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}
