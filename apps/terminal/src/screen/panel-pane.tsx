/** A page in the place of the messages. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { Desk, DeskState, Panel } from '../chat/desk.ts';
import { RowLine, Rows } from './row.tsx';

/** Shows a panel from its beginning, or from where it was scrolled to. */
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
  const rows = panel.rowsFor(columns - 2);
  desk.shown = { ...desk.shown, rowCount: rows.length, pageRows };
  const most = Math.max(0, rows.length - pageRows);
  const first = Math.min(most, state.scroll);
  const shown = rows.slice(first, first + pageRows);
  const place = most === 0 ? '' : `  ${first + shown.length} of ${rows.length} rows`;
  return (
    <Box flexDirection="column" width={columns} height={height} overflow="hidden">
      <RowLine
        spans={[
          { text: ` ${panel.title}`, tone: 'strong' },
          { text: place, tone: 'dim' },
        ]}
      />
      <Box flexDirection="column" paddingLeft={1}>
        <Rows rows={shown} />
      </Box>
    </Box>
  );
}
