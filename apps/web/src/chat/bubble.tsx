/** What one person said, once. */
import type { MessageView } from '@sotto/client';
import { lineWords } from '@sotto/hooks';
import { CircleSlash, TriangleAlert } from 'lucide-react';
import { Button, classes, hueOf } from '../design/index.ts';
import { FileBody } from '../files/file-body.tsx';
import { PersonAvatar } from '../people/person-avatar.tsx';
import styles from './bubble.module.css';
import { useChat } from './chat-context.ts';
import { LineActionBar } from './line-actions.tsx';
import { LineMeta } from './line-meta.tsx';
import { LinkedText } from './linked-text.tsx';
import { Quote } from './quote.tsx';
import { Reactions } from './reactions.tsx';

export interface BubbleProps {
  line: MessageView;
  isFirst: boolean;
  isLast: boolean;
  /** It is pointed at, or has the focus. */
  isActive: boolean;
}

/** A message with its small print, its reactions, and what can be done with it. */
export function Bubble({ line, isFirst, isLast, isActive }: BubbleProps) {
  const { isGroup } = useChat();
  const { isOwn, order, status, replyTo } = line;
  const hasAuthor = isGroup && !isOwn;
  return (
    <div className={classes(styles.line, isOwn && styles.own, hasAuthor && styles.indented)}>
      {order !== 'next' && <OrderNote order={order} />}
      {hasAuthor && isLast && <Author line={line} />}
      <div className={classes(styles.bubble, isFirst && styles.first, isLast && styles.last)}>
        {hasAuthor && isFirst && <AuthorName line={line} />}
        {replyTo !== undefined && <Quote reference={replyTo} />}
        <Body line={line} />
        {isActive && <LineActionBar line={line} />}
      </div>
      <Reactions line={line} />
      {status === 'failed' && <Failed line={line} />}
    </div>
  );
}

function Author({ line: { sender } }: { line: MessageView }) {
  const { reader } = useChat();
  if (sender === undefined) return null;
  return (
    <span className={styles.author}>
      <PersonAvatar user={sender} name={reader.nameOf(sender)} size="small" />
    </span>
  );
}

function AuthorName({ line: { sender } }: { line: MessageView }) {
  const { reader } = useChat();
  if (sender === undefined) return null;
  const name = reader.nameOf(sender);
  return (
    <bdi className={styles.name} data-hue={hueOf(name)}>
      {name}
    </bdi>
  );
}

function Body({ line }: { line: MessageView }) {
  const { reader, showPicture } = useChat();
  const { body } = line;
  if (body.type === 'text') {
    return (
      <div className={styles.text} dir="auto">
        <LinkedText text={body.text} />
        <LineMeta line={line} />
      </div>
    );
  }
  if (body.type === 'file') {
    return (
      <FileBody file={body.file} onOpen={() => showPicture(body.file)}>
        <LineMeta line={line} />
      </FileBody>
    );
  }
  const Icon = body.type === 'deleted' ? CircleSlash : TriangleAlert;
  return (
    <div className={classes(styles.text, styles.quiet)} dir="auto">
      <Icon className={styles.icon} size={15} strokeWidth={2} aria-hidden />
      {lineWords(line, reader)}
      <LineMeta line={line} />
    </div>
  );
}

const ORDER_WORDS = {
  gap: 'Something that was sent before this has not arrived',
  late: 'This arrived late: it was sent earlier',
} as const;

function OrderNote({ order }: { order: 'gap' | 'late' }) {
  return (
    <p className={styles.order}>
      <TriangleAlert size={13} strokeWidth={2} aria-hidden /> {ORDER_WORDS[order]}
    </p>
  );
}

function Failed({ line }: { line: MessageView }) {
  const { tryAgain, throwAway } = useChat();
  return (
    <div className={styles.failed}>
      <span>The server refused this message</span>
      {line.body.type === 'text' && <Button onClick={() => tryAgain(line)}>Try again</Button>}
      <Button tone="danger" onClick={() => throwAway(line)}>
        Throw away
      </Button>
    </div>
  );
}
