/** How high a row will be, before it is drawn. */
import type { TimelineRow } from '@sotto/hooks';

/** A bubble of one line of text, and each further one. */
const BUBBLE_PX = 44;
const TEXT_LINE_PX = 23;
const LINE_LETTERS = 56;
const PICTURE_PX = 240;

/** In CSS pixels. The nearer it is, the less the page moves when the row is measured. */
export function guessHeight(row: TimelineRow | undefined): number {
  if (row === undefined) return BUBBLE_PX;
  const { line, isFirst, opensDay, opensNew } = row;
  const around = (opensDay ? 48 : 0) + (opensNew ? 40 : 0) + (isFirst ? 8 : 2);
  return around + bodyHeight(line.body) + (line.reactions.length > 0 ? 26 : 0);
}

function bodyHeight(body: TimelineRow['line']['body']): number {
  if (body.type === 'text') {
    const lines = body.text
      .split('\n', 200)
      .reduce((sum, text) => sum + Math.max(1, Math.ceil(text.length / LINE_LETTERS)), 0);
    return BUBBLE_PX + (lines - 1) * TEXT_LINE_PX;
  }
  if (body.type === 'file') return body.file.thumbnail === undefined ? 76 : PICTURE_PX;
  return BUBBLE_PX;
}
