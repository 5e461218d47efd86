/** A page in the place of the messages. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { Desk, DeskState, Panel } from '../chat/desk.ts';
import type { Warning } from '../chat/warnings.ts';
import { fitText, textWidth } from '../text-width.ts';
import { RowLine, Rows } from './row.tsx';
import { warningRows } from './warning-rows.ts';

/** What warnings have of the first row, however long the title is: how many there are. */
const WARNING_COLUMNS_MIN = 16;

/** Shows a panel from its beginning, or from where it was scrolled to; behind its title, what is not to be overlooked. */
export function PanelPane({
  desk,
  state,
  panel,
  warnings,
  columns,
  height,
}: {
  readonly desk: Desk;
  readonly state: DeskState;
  readonly panel: Panel;
  readonly warnings: readonly Warning[];
  readonly columns: number;
  readonly height: number;
}): ReactElement {
  const pageRows = Math.max(1, height - 1);
  const rows = panel.rowsFor(columns - 2);
  const most = Math.max(0, rows.length - pageRows);
  const first = Math.min(most, state.scroll);
  const shown = rows.slice(first, first + pageRows);
  const place = most === 0 ? '' : `  ${first + shown.length} of ${rows.length} rows`;
  const room = Math.max(WARNING_COLUMNS_MIN, columns - textWidth(` ${panel.title}${place}`));
  const warned = warningRows(warnings, { columns: room, rowsMax: 1 });
  const title = fitText(panel.title, columns - 1 - (warned.rows.length > 0 ? room : 0));
  desk.shown = { ...desk.shown, rowCount: rows.length, pageRows, notices: warned.notices };
  return (
    <Box flexDirection="column" width={columns} height={height} overflow="hidden">
      <RowLine
        spans={[
          { text: ` ${title}`, tone: 'strong' },
          ...warned.rows.flatMap(({ spans }) => spans),
          { text: place, tone: 'dim' },
        ]}
      />
      <Box flexDirection="column" paddingLeft={1}>
        <Rows rows={shown} />
      </Box>
    </Box>
  );
}
