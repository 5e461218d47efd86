/** An open conversation: what was said, and where to write. */
import type { ConversationView, MessageView } from '@sotto/client';
import {
  type ConversationId,
  conversationName,
  peopleIn,
  type Reader,
  useConversations,
  useNames,
  useStanding,
} from '@sotto/hooks';
import { MessageCircle, MessageCircleDashed } from 'lucide-react';
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from 'react';
import { Boundary, Button, EmptyState, Spinner } from '../design/index.ts';
import { DropZone } from '../files/drop-zone.tsx';
import { BrokenDialog } from '../shell/broken.tsx';
import { useMe } from '../shell/me.ts';
import { navigate } from '../shell/route.ts';
import { useLate } from '../shell/use-late.ts';
import { TrustBanner } from '../trust/trust-banner.tsx';
import { Announcements } from './announcements.tsx';
import { ChatProvider, type Writing } from './chat-context.ts';
import type { Asking } from './chat-dialogs.tsx';
import { ChatFooter } from './chat-footer.tsx';
import { ChatHeader } from './chat-header.tsx';
import styles from './chat-pane.module.css';
import { Composer } from './composer.tsx';
import { type TimelineHandle, TimelineView } from './timeline-view.tsx';
import { useChatValue } from './use-chat-value.ts';
import { useLines } from './use-lines.ts';
import { usePlace } from './use-place.ts';
import { useReadMarks } from './use-read-marks.ts';

// None is on the page that somebody opens.
const ChatDialogs = lazy(async () => {
  const { ChatDialogs: component } = await import('./chat-dialogs.tsx');
  return { default: component };
});

/** The pane of one conversation, by its id. */
export function ChatPane({ conversation }: { conversation: ConversationId }) {
  const view = useConversations()?.find(({ id }) => id === conversation);
  if (view === undefined) return <Missing />;
  return <OpenChat key={conversation} view={view} />;
}

/** A conversation that was just opened is in the list a moment later. */
const APPEARS_MS = 3000;

function Missing() {
  const isMissing = useLate(true, APPEARS_MS);
  if (!isMissing) {
    return (
      <div className={styles.loading}>
        <Spinner label="Opening the conversation" />
      </div>
    );
  }
  return (
    <EmptyState
      icon={MessageCircleDashed}
      title="There is no such conversation here"
      action={<Button onClick={() => navigate({ name: 'conversations' })}>All chats</Button>}
    />
  );
}

const NEW: Writing = { type: 'new' };

function OpenChat({ view }: { view: ConversationView }) {
  const timeline = useLines(view);
  const reader = useReader(view, timeline.lines);
  const name = conversationName(view, reader.me, reader.nameOf);
  const { standing, renew } = useStanding(view.id);
  const [writing, setWriting] = useState<Writing>(NEW);
  const [asking, setAsking] = useState<Asking>();
  const handle = useRef<TimelineHandle>(null);
  const onSeen = useReadMarks();
  const place = usePlace({ view, me: reader.me, lines: timeline.lines, standing });
  const mayWrite = place === 'open';
  const chat = useChatValue({ view, reader, mayWrite, timeline, handle, setWriting, setAsking });
  const leaveWriting = useCallback(() => setWriting(NEW), []);
  const onFiles = (files: readonly File[]) => setAsking({ type: 'files', files });
  const close = () => setAsking(undefined);
  const { lines, rows, hasOlder, isStuck, onOlder } = timeline;
  return (
    <ChatProvider value={chat}>
      <DropZone className={styles.pane} onFiles={mayWrite ? onFiles : undefined}>
        <ChatHeader
          name={name}
          onTimer={() => setAsking({ type: 'timer' })}
          onInfo={() => setAsking({ type: 'info' })}
          onBlock={() => setAsking({ type: 'block' })}
        />
        <div>
          <TrustBanner conversation={view.id} />
        </div>
        {lines?.length === 0 ? (
          <NothingYet name={name} />
        ) : (
          <TimelineView ref={handle} {...{ rows, hasOlder, isStuck, onOlder, onSeen }} />
        )}
        <Announcements lines={lines} reader={reader} />
        <ChatFooter place={place} name={name} onAccepted={renew}>
          <Composer
            conversation={view.id}
            name={name}
            writing={writing}
            onCancel={leaveWriting}
            onSent={(sent) => {
              // What somebody does by now stays: it may be another reply or edit.
              setWriting((now) => (now === sent ? NEW : now));
              if (sent.type !== 'edit') handle.current?.scrollToEnd();
            }}
            onFiles={onFiles}
            onEditLast={() => editLast(lines, setWriting)}
          />
        </ChatFooter>
      </DropZone>
      {asking !== undefined && (
        <Boundary fallback={<BrokenDialog onClose={close} />} subject={asking}>
          <Suspense>
            <ChatDialogs name={name} asking={asking} onClose={close} />
          </Suspense>
        </Boundary>
      )}
    </ChatProvider>
  );
}

function NothingYet({ name }: { name: string }) {
  return (
    <EmptyState icon={MessageCircle} title={`Say hello to ${name}`}>
      Messages and files are encrypted on this device. Nobody but the people in this conversation
      can read them.
    </EmptyState>
  );
}

/** Names for everybody whom a line may name: members, and those who have gone. */
function useReader(
  { members }: ConversationView,
  lines: readonly MessageView[] | undefined,
): Reader {
  const me = useMe().user;
  const people = useMemo(
    () => [...new Set([me, ...members, ...(lines ?? []).flatMap(peopleIn)])],
    [me, members, lines],
  );
  const nameOf = useNames(people);
  return useMemo(() => ({ me, nameOf }), [me, nameOf]);
}

/** The newest text of one's own. */
function editLast(
  lines: readonly MessageView[] | undefined,
  setWriting: (writing: Writing) => void,
): void {
  const of = lines?.findLast(
    ({ isOwn, body, status }) => isOwn && body.type === 'text' && status !== 'failed',
  );
  if (of !== undefined) setWriting({ type: 'edit', of });
}
