/** A page in the place of the messages. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { Desk, DeskState, Panel } from '../chat/desk.ts';
import { RowLine, Rows } from './row.tsx';

/** Shows a panel from its beginning, as far as it was scrolled; for panels, `scroll` counts from the end. */
export function PanelPane({
  desk,
  state,
  panel,
  columns,
  height,
}: {
  readonly desk: Desk;
  readonly state: DeskState;
  readonly panel: Panel;
  readonly columns: number;
  readonly height: number;
}): ReactElement {
  const pageRows = Math.max(1, height - 1);
  const { rows, title } = panel;
  desk.shown = { ...desk.shown, rowCount: rows.length, pageRows };
  const most = Math.max(0, rows.length - pageRows);
  const last = rows.length - Math.min(most, state.scroll);
  const shown = rows.slice(Math.max(0, last - pageRows), last);
  const more = most === 0 ? '' : ' · PageUp, PageDown';
  return (
    <Box flexDirection="column" width={columns} height={height} overflow="hidden">
      <RowLine
        spans={[
          { text: ` ${title}`, tone: 'strong' },
          { text: `  Esc closes${more}`, tone: 'dim' },
        ]}
      />
      <Box flexDirection="column" paddingLeft={1}>
        <Rows rows={shown} />
      </Box>
    </Box>
  );
}
