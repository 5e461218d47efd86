/** Conversations: who is there, what is unread, what was said last. */
import type { ConversationView, Observable } from '@sotto/client';
import {
  conversationName,
  isMuted,
  type NameOf,
  peerOf,
  previewWords,
  shortTimeLabel,
  typingWords,
  unreadLabel,
  useClient,
  useObservable,
  useStandings,
} from '@sotto/hooks';
import { Box } from 'ink';
import { type ReactElement, useMemo } from 'react';
import { LOCALE } from '../locale.ts';
import { safeLine } from '../safe-text.ts';
import { fitText, padText, textWidth, wrapText } from '../text-width.ts';
import { RowLine, Rows, type Span, textRow } from './row.tsx';

type ConversationId = ConversationView['id'];
type UserId = ConversationView['members'][number];

export interface ListProps {
  readonly conversations: readonly ConversationView[] | undefined;
  readonly me: UserId;
  readonly nameOf: NameOf;
  readonly open: ConversationId | undefined;
  readonly listed: ConversationId | undefined;
  readonly isFocused: boolean;
  readonly requests: ReadonlySet<ConversationId>;
  readonly columns: number;
  readonly height: number;
  readonly now: number;
}

/** Rows for each: its name, and below that what was said last, where there is room. */
export function ConversationList(props: ListProps): ReactElement {
  const { conversations, columns, height, listed } = props;
  if (conversations === undefined || conversations.length === 0) {
    const words = conversations === undefined ? 'Reading…' : FIRST_WORDS;
    const rows = wrapText(words, columns - 2).map((text, index) =>
      textRow(`${index}`, ` ${text}`, 'dim'),
    );
    return <Frame {...props}>{<Rows rows={rows.slice(0, height)} />}</Frame>;
  }
  const each = height >= 2 * conversations.length || height >= 16 ? 2 : 1;
  const fitting = Math.max(1, Math.floor(height / each));
  const at = conversations.findIndex(({ id }) => id === listed);
  const first = Math.max(0, Math.min(at - Math.floor(fitting / 2), conversations.length - fitting));
  const shown = conversations.slice(first, first + fitting);
  return (
    <Frame {...props}>
      <Items shown={shown} isTall={each === 2} {...props} />
    </Frame>
  );
}

/** Those that are seen: whether they are muted is asked of the server, one by one. */
function Items(props: ListProps & { readonly shown: readonly ConversationView[] } & Tall) {
  const { shown, now, ...rest } = props;
  const standings = useStandings(shown.map(({ id }) => id));
  return shown.map((view) => (
    <Item
      key={view.id}
      {...rest}
      now={now}
      view={view}
      isQuiet={isMuted(standings.get(view.id), now)}
    />
  ));
}

interface Tall {
  readonly isTall: boolean;
}

const FIRST_WORDS = 'Nobody here yet. /new NAME begins a conversation, /help shows the rest.';

function Frame({
  columns,
  height,
  children,
}: Pick<ListProps, 'columns' | 'height'> & { readonly children: React.ReactNode }): ReactElement {
  return (
    <Box flexDirection="column" width={columns} height={height} flexShrink={0} overflow="hidden">
      {children}
    </Box>
  );
}

type ItemProps = ListProps & Tall & { readonly view: ConversationView; readonly isQuiet: boolean };

function Item(props: ItemProps): ReactElement {
  const { view, isTall, columns } = props;
  const isThere = useIsThere(peerOf(view, props.me));
  const preview = isTall && (
    <RowLine spans={[{ text: `    ${fitText(previewOf(props), columns - 5)}`, tone: 'dim' }]} />
  );
  return (
    <>
      <RowLine spans={headSpans(props, isThere)} />
      {preview}
    </>
  );
}

function headSpans(props: ItemProps, isThere: boolean): Span[] {
  const { view, me, nameOf, open, listed, isFocused, requests, columns, now, isQuiet } = props;
  const isListed = isFocused && view.id === listed;
  const mark = isListed ? '›' : view.id === open ? '▌' : ' ';
  const unread = unreadLabel(view.unread);
  const time = view.newest === undefined ? '' : shortTimeLabel(view.newest.time, now, LOCALE);
  const isRequest = requests.has(view.id);
  const count = unread === '' ? '' : `(${unread})`;
  const state = isRequest ? 'request' : isQuiet ? `muted ${count}`.trim() : count;
  const right = state === '' ? time : state;
  const name = `${view.kind === 'group' ? '#' : ''}${safeLine(conversationName(view, me, nameOf))}`;
  const room = columns - textWidth(right) - 5;
  const isNew = isRequest || (unread !== '' && !isQuiet);
  return [
    { text: mark, tone: 'accent' },
    { text: isThere ? ' ● ' : '   ', tone: 'good' },
    { text: padText(name, room), tone: isNew || isListed || view.id === open ? 'strong' : 'plain' },
    { text: ` ${right}`, tone: isNew ? 'accent' : 'dim' },
  ];
}

function previewOf({ view, me, nameOf }: ItemProps): string {
  const typing = typingWords(view.typing, view.kind === 'group', nameOf);
  if (typing !== '') return safeLine(typing);
  if (view.newest === undefined) return '';
  const words = previewWords(view.newest, view.kind === 'group', { me, nameOf });
  return safeLine(words.replace(/\s*[\n\r]\s*/gu, ' '));
}

const NOBODY: Observable<undefined> = { get: () => undefined, subscribe: () => () => {} };

/** Whether somebody is there; false for nobody. */
export function useIsThere(user: UserId | undefined): boolean {
  const { state } = useClient();
  const presence = useMemo(
    () => (user === undefined ? NOBODY : state.presence(user)),
    [state, user],
  );
  return useObservable<{ readonly online: boolean } | undefined>(presence)?.online === true;
}
