/** What stands above the messages of a conversation: who it is with, and what there is to know or to decide. */
import type { ConversationView } from '@sotto/client';
import {
  conversationName,
  isMuted,
  lifetimeLabel,
  type NameOf,
  peerOf,
  typingWords,
  useStandings,
  useUsername,
} from '@sotto/hooks';
import type { ReactElement } from 'react';
import type { Desk, DeskState } from '../chat/desk.ts';
import { safeLine } from '../safe-text.ts';
import { wrapText } from '../text-width.ts';
import { useIsThere } from './conversation-list.tsx';
import { type Row, RowLine, textRow } from './row.tsx';

interface HeadProps {
  readonly desk: Desk;
  readonly state: DeskState;
  readonly view: ConversationView;
  readonly columns: number;
}

/** One row: the name, then what fits of the rest. */
export function Title({
  view,
  desk: { me },
  nameOf,
  hidden,
}: Omit<HeadProps, 'state' | 'columns'> & {
  readonly nameOf: NameOf;
  /** Rows below the window. */
  readonly hidden: number;
}): ReactElement {
  const standing = useStandings([view.id]).get(view.id);
  const peer = peerOf(view, me.user);
  const username = useUsername(peer);
  const isThere = useIsThere(peer);
  const name = safeLine(conversationName(view, me.user, nameOf));
  const isGroup = view.kind === 'group';
  const facts = [
    isGroup ? `${view.members.length} people` : '',
    isGroup && !view.members.includes(me.user) ? 'you are not in it any more' : '',
    peer !== undefined && username !== undefined && username !== name ? safeLine(username) : '',
    isThere ? '● here' : '',
    isMuted(standing, Date.now()) ? 'muted' : '',
    view.timer === null ? '' : `⧗ ${lifetimeLabel(view.timer)}`,
    safeLine(typingWords(view.typing, isGroup, nameOf)),
    hidden > 0 ? `↓ ${hidden} more rows` : '',
  ].filter((fact) => fact !== '');
  const title = ` ${isGroup ? '#' : ''}${name}`;
  const rest = facts.length === 0 ? '' : `  ${facts.join(' · ')}`;
  const spans = [
    { text: title, tone: 'strong' as const },
    { text: rest, tone: 'dim' as const },
  ];
  return <RowLine spans={spans} />;
}

/** Warnings that concern this conversation, and what it asks. */
export function bannerRows(
  { state, view, columns }: Omit<HeadProps, 'desk'>,
  warned: readonly Row[],
): readonly Row[] {
  if (!state.requests.has(view.id)) return warned;
  const others =
    view.kind === 'group' ? 'Somebody added you to this group' : 'They ask to write to you';
  const asked = wrapText(
    `${others}: /accept, or /block. They see nothing of you before.`,
    columns - 3,
  );
  return [
    ...warned,
    ...asked.map((row, index) =>
      textRow(`asked/${index}`, ` ${index === 0 ? '?' : ' '} ${row}`, 'warning'),
    ),
  ];
}
