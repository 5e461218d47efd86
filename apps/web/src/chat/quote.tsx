/** The message that another one answers. */
import type { MessageView } from '@sotto/client';
import { lineWords, type Reader } from '@sotto/hooks';
import { type Reference, useChat } from './chat-context.ts';
import styles from './quote.module.css';

/** A quote inside a bubble, which leads to what it quotes. */
export function Quote({ reference }: { reference: Reference }) {
  const { lineOf, jumpTo, reader } = useChat();
  const line = lineOf(reference);
  return (
    <button type="button" className={styles.quote} onClick={() => jumpTo(reference)}>
      <QuotedWords line={line} reader={reader} />
    </button>
  );
}

/** Who said what; for a line that was not loaded, that there is one. */
export function QuotedWords({ line, reader }: { line: MessageView | undefined; reader: Reader }) {
  if (line === undefined) return <span className={styles.words}>An earlier message</span>;
  const { sender } = line;
  const isOwn = sender === reader.me;
  const name = sender === undefined ? '' : reader.nameOf(sender);
  return (
    <>
      <bdi className={styles.name}>{isOwn ? 'You' : name}</bdi>
      <span className={styles.words} dir="auto">
        {lineWords(line, reader)}
      </span>
    </>
  );
}
