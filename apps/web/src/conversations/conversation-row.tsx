/** One line of the list of conversations. */
import type { ConversationView, MessageView } from '@sotto/client';
import {
  fullTimeLabel,
  machineTime,
  previewWords,
  type Reader,
  shortTimeLabel,
  typingWords,
} from '@sotto/hooks';
import { BellOff } from 'lucide-react';
import { memo } from 'react';
import { StatusTick } from '../chat/status-tick.tsx';
import { Badge, Boundary, classes } from '../design/index.ts';
import { RouteLink } from '../shell/route-link.tsx';
import { ConversationAvatar } from './conversation-avatar.tsx';
import styles from './conversation-row.module.css';

export interface ConversationRowProps {
  view: ConversationView;
  name: string;
  reader: Reader;
  isOpen: boolean;
  isMuted: boolean;
  /** When it is drawn: what is “Today” depends on it. */
  now: number;
}

/** Who it is with, what was said last, and how many are unread. */
export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { view, isOpen } = props;
  return (
    <li className={styles.item}>
      <RouteLink
        className={classes(styles.row, isOpen && styles.open)}
        to={{ name: 'chat', conversation: view.id }}
        aria-current={isOpen ? 'page' : undefined}
      >
        {/* Whatever somebody sends: it takes no more than its own row, which still leads to the chat. */}
        <Boundary
          fallback={<span className={styles.broken}>This conversation cannot be shown</span>}
          subject={view}
        >
          <ConversationAvatar view={view} name={props.name} />
          <Words {...props} />
        </Boundary>
      </RouteLink>
    </li>
  );
});

function Words(props: ConversationRowProps) {
  const { view, name, isMuted, now } = props;
  const { newest, unread } = view;
  return (
    <span className={styles.words}>
      <span className={styles.top}>
        {/* A name reads in its own direction, and begins where all of them do. */}
        <span className={styles.name}>
          <bdi>{name}</bdi>
        </span>
        {isMuted && <BellOff className={styles.muted} size={14} aria-label="Muted" />}
        {newest !== undefined && <LastTime line={newest} now={now} isNew={unread > 0} />}
      </span>
      <span className={styles.bottom}>
        <LastLine {...props} />
        <Badge count={unread} />
      </span>
    </span>
  );
}

function LastTime({ line, now, isNew }: { line: MessageView; now: number; isNew: boolean }) {
  const { time } = line;
  return (
    <time
      className={classes(styles.time, isNew && styles.new)}
      dateTime={machineTime(time)}
      title={fullTimeLabel(time)}
    >
      {shortTimeLabel(time, now)}
    </time>
  );
}

function LastLine({ view, reader }: ConversationRowProps) {
  const { newest, kind, typing } = view;
  const isGroup = kind === 'group';
  const writing = typingWords(typing, isGroup, reader.nameOf);
  if (writing !== '') {
    return (
      <span className={classes(styles.line, styles.typing)} dir="auto">
        {writing}
      </span>
    );
  }
  const words = newest === undefined ? 'Say hello' : previewWords(newest, isGroup, reader);
  return (
    <>
      {newest?.isOwn === true && <StatusTick status={newest.status} />}
      <span className={styles.line} dir="auto">
        {words}
      </span>
    </>
  );
}
