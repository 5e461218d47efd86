/** Whom a chat is with, and what can be done with it. */
import {
  isMuted,
  peerOf,
  typingWords,
  type UserId,
  untilLifted,
  useClient,
  usePresence,
  useStanding,
  useUsername,
} from '@sotto/hooks';
import {
  ArrowLeft,
  Ban,
  Bell,
  BellOff,
  EllipsisVertical,
  ShieldCheck,
  Timer,
  Users,
} from 'lucide-react';
import { ConversationAvatar } from '../conversations/conversation-avatar.tsx';
import { IconButton, Menu, type MenuItem, useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { navigate } from '../shell/route.ts';
import { useChat } from './chat-context.ts';
import styles from './chat-header.module.css';

export interface ChatHeaderProps {
  name: string;
  onTimer: () => void;
  onInfo: () => void;
  onBlock: () => void;
}

/** The bar at the top of a chat. */
export function ChatHeader({ name, ...asks }: ChatHeaderProps) {
  const { view, reader, isGroup } = useChat();
  const peer = peerOf(view, reader.me);
  const items = useItems(peer, asks);
  const open = () => {
    if (peer === undefined) asks.onInfo();
    else navigate({ name: 'safety', user: peer });
  };
  return (
    <header className={styles.header}>
      <IconButton
        className={styles.back}
        label="Back to all chats"
        icon={ArrowLeft}
        onClick={() => navigate({ name: 'conversations' })}
      />
      <h2 className={styles.heading}>
        <button type="button" className={styles.who} onClick={open}>
          <ConversationAvatar view={view} name={name} />
          <span className={styles.words}>
            <span className={styles.name}>
              <bdi>{name}</bdi>
              {view.timer !== null && (
                <Timer
                  size={14}
                  strokeWidth={2}
                  role="img"
                  aria-label="Disappearing messages are on"
                />
              )}
            </span>
            <span className={styles.detail}>
              {isGroup || peer === undefined ? <GroupDetail /> : <PeerDetail user={peer} />}
            </span>
          </span>
        </button>
      </h2>
      <Menu label="Conversation menu" icon={EllipsisVertical} items={items} />
    </header>
  );
}

function GroupDetail() {
  const { view, reader } = useChat();
  const writing = typingWords(view.typing, true, reader.nameOf);
  if (writing !== '') return <bdi className={styles.typing}>{writing}</bdi>;
  const count = view.members.length;
  return <>{count === 1 ? '1 member' : `${count} members`}</>;
}

/** The username is what tells two people of one name apart. */
function PeerDetail({ user }: { user: UserId }) {
  const { view, reader } = useChat();
  const presence = usePresence(user);
  const username = useUsername(user);
  const writing = typingWords(view.typing, false, reader.nameOf);
  if (writing !== '') return <span className={styles.typing}>{writing}</span>;
  const isThere = presence?.online === true;
  return (
    <>
      {username !== undefined && <bdi>@{username}</bdi>}
      {isThere && <span className={styles.there}>online</span>}
    </>
  );
}

function useItems(
  peer: UserId | undefined,
  { onTimer, onInfo, onBlock }: Omit<ChatHeaderProps, 'name'>,
): readonly MenuItem[] {
  const { mayWrite } = useChat();
  const mute = useMuteItem();
  const items: MenuItem[] = [];
  if (peer === undefined) items.push({ label: 'Group info', icon: Users, onSelect: onInfo });
  else {
    const onSelect = () => navigate({ name: 'safety', user: peer });
    items.push({ label: 'Safety number', icon: ShieldCheck, onSelect });
  }
  if (mayWrite) items.push({ label: 'Disappearing messages', icon: Timer, onSelect: onTimer });
  items.push(mute);
  if (peer === undefined) return items;
  return [...items, { label: 'Block or report', icon: Ban, tone: 'danger', onSelect: onBlock }];
}

/** Muting has no end of its own here: it is lifted where it was set. */
function useMuteItem(): MenuItem {
  const client = useClient();
  const toast = useToast();
  const { id } = useChat().view;
  const { standing, renew } = useStanding(id);
  const isQuiet = isMuted(standing, Date.now());
  const change = () => {
    const until = isQuiet ? null : untilLifted(Date.now());
    client.people.mute(id, until).then(renew, (error: unknown) => toast(explain(error), 'danger'));
  };
  return isQuiet
    ? { label: 'Unmute', icon: Bell, onSelect: change }
    : { label: 'Mute notifications', icon: BellOff, onSelect: change };
}
