/** The whole window. */
import { ClientProvider, useConversations, useNames, useObservable } from '@sotto/hooks';
import { Box, Text, useInput, usePaste, useWindowSize } from 'ink';
import { type ReactElement, useEffect, useMemo, useState } from 'react';
import type { Desk } from '../chat/desk.ts';
import { takeKey, takePaste } from '../chat/keys.ts';
import type { Warning } from '../chat/warnings.ts';
import { COLUMNS_MIN, PANE_COLUMNS, ROWS_MIN, TWO_PANES_COLUMNS } from '../limits.ts';
import { fitText } from '../text-width.ts';
import { Bottom, bottomHeight } from './bottom.tsx';
import { ChatPane } from './chat-pane.tsx';
import { ConversationList, type ListProps } from './conversation-list.tsx';
import { PanelPane } from './panel-pane.tsx';
import { Rows, textRow } from './row.tsx';
import { TopBar } from './top-bar.tsx';
import { useWarnings } from './use-warnings.ts';
import { warningRows } from './warning-rows.ts';

const CLOCK_MS = 1_000;

/** Everything of one account. */
export function ChatScreen({
  desk,
  account,
}: {
  readonly desk: Desk;
  readonly account: string;
}): ReactElement {
  return (
    <ClientProvider value={desk.client}>
      <Window desk={desk} account={account} />
    </ClientProvider>
  );
}

function Window({ desk, account }: { readonly desk: Desk; readonly account: string }) {
  const state = useObservable(desk.state);
  const { columns, rows } = useWindowSize();
  const now = useNow();
  useInput((input, key) => takeKey(desk, input, key));
  usePaste((text) => takePaste(desk, text));
  const height = rows - 1 - bottomHeight(state, columns, rows);
  if (columns < COLUMNS_MIN || rows < ROWS_MIN || height < 1) {
    return <Text wrap="truncate">{fitText('Make this window larger', columns)}</Text>;
  }
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <TopBar account={account} columns={columns} now={now} />
      <Body desk={desk} columns={columns} height={height} now={now} />
      <Bottom state={state} columns={columns} top={1 + height} windowRows={rows} />
    </Box>
  );
}

interface BodyProps {
  readonly desk: Desk;
  readonly columns: number;
  readonly height: number;
  readonly now: number;
}

interface WarnedProps {
  readonly warnings: readonly Warning[];
}

function Body({ desk, columns, height, now }: BodyProps): ReactElement {
  const state = useObservable(desk.state);
  const conversations = useConversations();
  const people = useMemo(
    () => conversations?.flatMap(({ members }) => members) ?? [],
    [conversations],
  );
  const nameOf = useNames(people);
  desk.shown = { ...desk.shown, conversations: conversations ?? [], nameOf };
  const { place, focus, panel } = state;
  const { conversation: open } = place;
  const listed = state.listed ?? conversations?.[0]?.id;
  useEffect(() => {
    if (state.listed === undefined && listed !== undefined) desk.change({ listed });
  }, [desk, listed, state.listed]);
  const view = conversations?.find(({ id }) => id === open);
  const isWide = columns >= TWO_PANES_COLUMNS;
  const warnings = useWarnings(panel && view, nameOf);
  if (panel !== undefined) {
    return <PanelPane {...{ desk, state, panel, warnings, columns, height }} />;
  }
  const { requests } = state;
  const list = { conversations, me: desk.me.user, nameOf, open, listed, requests, now };
  if (!isWide && (focus === 'list' || view === undefined)) {
    return (
      <ListAlone {...{ desk, warnings, columns, height }} {...list} isFocused={focus === 'list'} />
    );
  }
  const main = { desk, state, height, now, columns: isWide ? columns - PANE_COLUMNS - 1 : columns };
  return (
    <Box height={height} flexShrink={0}>
      {isWide && (
        <ConversationList
          {...list}
          {...{ columns: PANE_COLUMNS, height }}
          isFocused={focus === 'list'}
        />
      )}
      {isWide && <Divider height={height} />}
      {view !== undefined && <ChatPane key={view.id} view={view} {...main} />}
      {view === undefined && <Welcome {...main} warnings={warnings} />}
    </Box>
  );
}

/** What a window has of its height for warnings above the list: they are never all of it. */
const WARNED_SHARE = 1 / 3;

/** The list in a window that is too narrow for a chat beside it, below what is not to be overlooked. */
function ListAlone({
  desk,
  warnings,
  ...list
}: ListProps & WarnedProps & Pick<BodyProps, 'desk'>): ReactElement {
  const { columns, height } = list;
  const rowsMax = Math.floor(height * WARNED_SHARE);
  const { rows, notices } = warningRows(warnings, { columns, rowsMax });
  desk.shown = { ...desk.shown, notices };
  return (
    <Box flexDirection="column" height={height} flexShrink={0}>
      <Rows rows={rows} />
      <ConversationList {...list} height={height - rows.length} />
    </Box>
  );
}

function Divider({ height }: { readonly height: number }): ReactElement {
  const rows = Array.from({ length: height }, (_, index) => textRow(`${index}`, '│', 'dim'));
  return (
    <Box width={1} flexShrink={0}>
      <Rows rows={rows} />
    </Box>
  );
}

function Welcome({ desk, columns, height, warnings }: BodyProps & WarnedProps): ReactElement {
  const { place } = desk.state.get();
  const warned = warningRows(warnings, { columns, rowsMax: height });
  desk.shown = { ...desk.shown, notices: warned.notices };
  const rows = [
    ...warned.rows,
    textRow('blank', ''),
    ...(place.from === undefined ? [] : [textRow('opening', '  Opening…'), textRow('below', '')]),
    textRow('new', '  /new NAME      talk with somebody'),
    textRow('group', '  /group TITLE   talk with several'),
    textRow('help', '  /help          everything else'),
  ];
  return (
    <Box flexDirection="column" height={height}>
      <Rows rows={rows.slice(0, height)} />
    </Box>
  );
}

/** The time of the clock, anew each second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), CLOCK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
