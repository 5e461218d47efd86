/** What people have put to a message. */
import type { MessageView } from '@sotto/client';
import { classes } from '../design/index.ts';
import { useChat } from './chat-context.ts';
import styles from './reactions.module.css';

/** One button for each emoji: it gives one's own, or takes it back. */
export function Reactions({ line }: { line: MessageView }) {
  const { reader, react, mayWrite } = useChat();
  if (line.reactions.length === 0) return null;
  return (
    <span className={styles.reactions}>
      {line.reactions.map(({ emoji, users }) => {
        const isMine = users.includes(reader.me);
        const names = users.map((user) => (user === reader.me ? 'You' : reader.nameOf(user)));
        return (
          <button
            key={emoji}
            type="button"
            className={classes(styles.reaction, isMine && styles.mine)}
            aria-pressed={isMine}
            aria-label={`${emoji} by ${names.join(', ')}`}
            title={names.join(', ')}
            disabled={!mayWrite}
            onClick={() => react(line, emoji)}
          >
            <span className={styles.emoji}>{emoji}</span>
            {users.length > 1 && users.length}
          </button>
        );
      })}
    </span>
  );
}
