/** What can be done with a message, beside it while it is pointed at. */
import type { MessageView } from '@sotto/client';
import { Copy, EllipsisVertical, Pencil, Reply, Trash2 } from 'lucide-react';
import { classes, IconButton, Menu, type MenuItem, useCopy } from '../design/index.ts';
import { useChat } from './chat-context.ts';
import styles from './line-actions.module.css';
import { ReactionPicker } from './reaction-picker.tsx';

/** React, answer, and the rest behind a menu. */
export function LineActionBar({ line }: { line: MessageView }) {
  const chat = useChat();
  const items = useItems(line);
  const isPlaced = line.status !== 'failed' && chat.mayWrite;
  const takesMore = isPlaced && (line.body.type === 'text' || line.body.type === 'file');
  if (!takesMore && items.length === 0) return null;
  return (
    <div className={classes(styles.bar, line.isOwn && styles.own)}>
      {takesMore && <ReactionPicker onPick={(emoji) => chat.react(line, emoji)} />}
      {takesMore && <IconButton label="Reply" icon={Reply} onClick={() => chat.reply(line)} />}
      {items.length > 0 && <Menu label="More" icon={EllipsisVertical} items={items} />}
    </div>
  );
}

function useItems(line: MessageView): readonly MenuItem[] {
  const chat = useChat();
  const copy = useCopy();
  const { body, isOwn, status } = line;
  const items: MenuItem[] = [];
  if (body.type === 'text') {
    const { text } = body;
    items.push({ label: 'Copy text', icon: Copy, onSelect: () => copy(text, 'Copied') });
  }
  if (!isOwn || !chat.mayWrite) return items;
  if (body.type === 'text' && status !== 'failed') {
    items.push({ label: 'Edit', icon: Pencil, onSelect: () => chat.edit(line) });
  }
  if (body.type === 'text' || body.type === 'file') {
    const remove = () => chat.askToDelete(line);
    items.push({ label: 'Delete', icon: Trash2, tone: 'danger', onSelect: remove });
  }
  return items;
}
