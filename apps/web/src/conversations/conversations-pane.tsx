/** The list of conversations: what a person sees first, and comes back to. */
import type { ConversationView } from '@sotto/client';
import {
  conversationName,
  isMuted,
  peopleIn,
  type Reader,
  useConversations,
  useNames,
  useStandings,
} from '@sotto/hooks';
import {
  EllipsisVertical,
  Inbox,
  MessageCirclePlus,
  Settings,
  SquarePen,
  Users,
} from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import { Badge, Button, classes, EmptyState, IconButton, Menu, Spinner } from '../design/index.ts';
import { NewGroup } from '../groups/new-group.tsx';
import { useUnreadNotice } from '../push/use-unread-notice.ts';
import { useMe } from '../shell/me.ts';
import { navigate, useRoute } from '../shell/route.ts';
import { RouteLink } from '../shell/route-link.tsx';
import { ConversationRow } from './conversation-row.tsx';
import styles from './conversations-pane.module.css';
import { findConversations } from './find-conversations.ts';
import { moveInList } from './list-keys.ts';
import { NewChat } from './new-chat.tsx';
import { SearchBox } from './search-box.tsx';
import { useNow } from './use-now.ts';
import { useRequests } from './use-requests.ts';

/** Conversations of which it is asked whether they are muted: each takes a request. */
const STANDINGS_MAX = 40;

type Asking = 'chat' | 'group' | undefined;

/** The pane beside the chat; on a phone, the first screen. */
export function ConversationsPane() {
  const [query, setQuery] = useState('');
  const [asking, setAsking] = useState<Asking>();
  const search = useRef<HTMLInputElement>(null);
  const { views, requests, reader } = useList();
  useUnreadNotice(views);
  const found = useMemo(
    () => findConversations(views ?? [], query, reader),
    [views, query, reader],
  );
  const openFirst = () => {
    const [first] = found;
    if (query === '' || first === undefined) return;
    navigate({ name: 'chat', conversation: first.id });
    setQuery('');
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move among the links inside
    <div
      className={styles.pane}
      onKeyDown={(event) => moveInList(event, () => search.current?.focus())}
    >
      <Header onAsk={setAsking} />
      <div className={styles.search}>
        <SearchBox input={search} query={query} onQuery={setQuery} onEnter={openFirst} />
      </div>
      <div className={styles.list}>
        {requests > 0 && query === '' && <RequestsEntry count={requests} />}
        {views === undefined ? (
          <div className={styles.loading}>
            <Spinner label="Loading conversations" />
          </div>
        ) : (
          <List views={found} reader={reader} />
        )}
        {views?.length === 0 && <NoConversations onAsk={setAsking} />}
        {views !== undefined && views.length > 0 && found.length === 0 && (
          <p className={styles.nothing} role="status">
            Nothing found for <bdi>“{query}”</bdi>.
          </p>
        )}
      </div>
      {asking === 'chat' && (
        <NewChat onClose={() => setAsking(undefined)} onGroup={() => setAsking('group')} />
      )}
      {asking === 'group' && <NewGroup onClose={() => setAsking(undefined)} />}
    </div>
  );
}

/** Everything but what waits to be accepted, and how many of those there are. */
function useList() {
  const me = useMe().user;
  const all = useConversations();
  const requests = useRequests();
  const users = useMemo(
    () =>
      (all ?? []).flatMap(({ members, typing, newest }) => [
        ...members.slice(0, 4),
        ...typing,
        ...(newest === undefined ? [] : peopleIn(newest)),
      ]),
    [all],
  );
  const nameOf = useNames(users);
  const reader: Reader = useMemo(() => ({ me, nameOf }), [me, nameOf]);
  const views = useMemo(() => {
    const waiting = new Set(requests.map(({ conversation }) => conversation));
    return all?.filter(({ id }) => !waiting.has(id));
  }, [all, requests]);
  return { views, requests: requests.length, reader };
}

function Header({ onAsk }: { onAsk: (asking: Asking) => void }) {
  return (
    <header className={styles.header}>
      <h1 className={styles.title}>Chats</h1>
      <IconButton label="New chat" icon={SquarePen} onClick={() => onAsk('chat')} />
      <Menu
        label="Menu"
        icon={EllipsisVertical}
        items={[
          { label: 'New group', icon: Users, onSelect: () => onAsk('group') },
          {
            label: 'Message requests',
            icon: Inbox,
            onSelect: () => navigate({ name: 'requests' }),
          },
          { label: 'Settings', icon: Settings, onSelect: () => navigate({ name: 'settings' }) },
        ]}
      />
    </header>
  );
}

function RequestsEntry({ count }: { count: number }) {
  const isOpen = useRoute().name === 'requests';
  return (
    <RouteLink
      className={classes(styles.requests, isOpen && styles.open)}
      to={{ name: 'requests' }}
    >
      <span className={styles.mark}>
        <Inbox size={20} strokeWidth={1.75} aria-hidden />
      </span>
      <span className={styles.words}>Message requests</span>
      <Badge count={count} />
    </RouteLink>
  );
}

function List({ views, reader }: { views: readonly ConversationView[]; reader: Reader }) {
  const route = useRoute();
  const now = useNow();
  const standings = useStandings(views.slice(0, STANDINGS_MAX).map(({ id }) => id));
  const open = route.name === 'chat' ? route.conversation : undefined;
  return (
    <ul className={styles.rows} aria-label="Conversations">
      {views.map((view) => (
        <ConversationRow
          key={view.id}
          view={view}
          name={conversationName(view, reader.me, reader.nameOf)}
          reader={reader}
          isOpen={view.id === open}
          isMuted={isMuted(standings.get(view.id), now)}
          now={now}
        />
      ))}
    </ul>
  );
}

function NoConversations({ onAsk }: { onAsk: (asking: Asking) => void }) {
  const { username } = useMe();
  return (
    <EmptyState
      icon={MessageCirclePlus}
      title="No chats yet"
      action={
        <Button tone="primary" onClick={() => onAsk('chat')}>
          Start a chat
        </Button>
      }
    >
      Ask somebody for their username, or tell them yours: <strong>{username}</strong>. Everything
      you write is encrypted from this device to theirs.
    </EmptyState>
  );
}
