/** What the parts of a chat can ask of it. */
import type { ConversationView, FileReference, MessageView } from '@sotto/client';
import { lineKey, type Reader } from '@sotto/hooks';
import { type RefObject, useEffect, useMemo, useRef } from 'react';
import { useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import type { Chat, Reference, Writing } from './chat-context.ts';
import type { Asking } from './chat-dialogs.tsx';
import type { TimelineHandle } from './timeline-view.tsx';
import { useLineActions } from './use-line-actions.ts';
import type { Lines } from './use-lines.ts';

export interface ChatOptions {
  readonly view: ConversationView;
  readonly reader: Reader;
  readonly mayWrite: boolean;
  readonly timeline: Lines;
  readonly handle: RefObject<TimelineHandle | null>;
  readonly setWriting: (writing: Writing) => void;
  readonly setAsking: (asking: Asking) => void;
}

/** How many pages are read for a message that is quoted: 5 000 lines back. */
const PAGES_MAX = 100;

/** The value of the chat's context. */
export function useChatValue({
  view,
  reader,
  mayWrite,
  timeline,
  handle,
  setWriting,
  setAsking,
}: ChatOptions): Chat {
  const { lines, refresh } = timeline;
  const { react, remove, tryAgain } = useLineActions(reader.me, refresh);
  const byKey = useMemo(() => new Map((lines ?? []).map((line) => [lineKey(line), line])), [lines]);
  const jumpTo = useJump(timeline, handle);
  return useMemo(
    () => ({
      ...{ view, reader, mayWrite, jumpTo, react, tryAgain },
      isGroup: view.kind === 'group',
      lineOf: (reference) => byKey.get(lineKey({ reference })),
      reply: (to: MessageView) => setWriting({ type: 'reply', to }),
      edit: (of: MessageView) => setWriting({ type: 'edit', of }),
      askToDelete: (line: MessageView) => setAsking({ type: 'delete', line }),
      showPicture: (file: FileReference) => setAsking({ type: 'picture', file }),
      throwAway: remove,
    }),
    [view, reader, mayWrite, jumpTo, react, tryAgain, byKey, setWriting, setAsking, remove],
  );
}

/** Leads to a line, and reads on until it is there. */
function useJump(timeline: Lines, handle: ChatOptions['handle']): (to: Reference) => void {
  const toast = useToast();
  const latest = useRef(timeline);
  useEffect(() => {
    latest.current = timeline;
  });
  return useMemo(() => {
    const isThere = (key: string) => latest.current.rows.some((row) => row.key === key);
    const jump = async (reference: Reference) => {
      const key = lineKey({ reference });
      for (let page = 0; page < PAGES_MAX && !isThere(key); page += 1) {
        if (!latest.current.hasOlder) break;
        await latest.current.older();
        await drawn();
      }
      if (isThere(key)) handle.current?.scrollTo(key);
      else toast('This message is not on this device');
    };
    return (reference) => {
      jump(reference).catch((error: unknown) => toast(explain(error), 'danger'));
    };
  }, [toast, handle]);
}

/** What was read is on the page after this. */
function drawn(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
