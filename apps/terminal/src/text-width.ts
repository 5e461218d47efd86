/** How many cells of a terminal a text takes, and how it is broken into rows of so many. As Ink counts, which lays them out. */

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

const ASCII = /^[ -~]*$/;
const EMOJI = /^\p{RGI_Emoji}$/v;
const JOINED_EMOJI = /\p{Extended_Pictographic}.*\u200d.*\p{Extended_Pictographic}/u;
const KEYCAP = /^[\d#*]\u20e3$/;
const VISIBLE =
  /[^\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Surrogate}]/v;

/** Scripts and blocks of two cells, beside emoji: those of East Asia, and the full-width forms. */
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Tangut}\p{Script=Nushu}\p{Emoji_Presentation}\u2329\u232a\u2e80-\u303e\u3041-\u4dff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/u;
const NARROW_AFTER_ALL = /^[\uff61-\uffdc\u{1f1e6}-\u{1f1ff}\u302e-\u302f]/u;
const NARROW_JAMO = /^[\u1160-\u11ff\ud7b0-\ud7fb]/u;

/** Cells of a text without line breaks. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += clusterWidth(segment);
  return width;
}

/** Rows of at most so many cells, broken between words where that is possible. One row at least. */
export function wrapText(text: string, columns: number): string[] {
  const rows: string[] = [];
  let row = '';
  let width = 0;
  for (const word of text.match(/\s+|\S+/gu) ?? []) {
    const wordWidth = textWidth(word);
    const isBlank = word.trim() === '';
    if (width + wordWidth <= columns) {
      row += word;
      width += wordWidth;
      continue;
    }
    if (isBlank && width > 0) {
      rows.push(row);
      [row, width] = ['', 0];
      continue;
    }
    if (width > 0) rows.push(row.trimEnd());
    const pieces = cutToWidth(word, columns);
    row = pieces.pop() ?? '';
    rows.push(...pieces);
    width = textWidth(row);
  }
  return row === '' && rows.length > 0 ? rows : [...rows, row];
}

/** The beginning of a text that fits, with an ellipsis where something is left out. */
export function fitText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  return `${cutToWidth(text, columns - 1)[0] ?? ''}…`;
}

/** The same, filled up with blanks. */
export function padText(text: string, columns: number): string {
  const fitted = fitText(text, columns);
  return fitted + ' '.repeat(Math.max(0, columns - textWidth(fitted)));
}

function cutToWidth(text: string, columns: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    const next = clusterWidth(segment);
    if (width + next > columns && piece !== '') {
      pieces.push(piece);
      [piece, width] = ['', 0];
    }
    piece += segment;
    width += next;
  }
  return [...pieces, piece];
}

function clusterWidth(cluster: string): number {
  const start = cluster.search(VISIBLE);
  if (start === -1) return 0;
  if (EMOJI.test(cluster) || JOINED_EMOJI.test(cluster) || KEYCAP.test(cluster)) return 2;
  const visible = cluster.slice(start);
  return baseWidth(visible) + trailingWidth(visible);
}

function baseWidth(visible: string): number {
  if (NARROW_AFTER_ALL.test(visible) || NARROW_JAMO.test(visible)) return 1;
  return WIDE.test(visible) ? 2 : 1;
}

/** Marks that take a cell of their own, such as vowels of Indic scripts. */
function trailingWidth(visible: string): number {
  const [, ...rest] = visible;
  return rest.filter((letter) => /[\p{Spacing_Mark}\uff00-\uffef]/v.test(letter)).length;
}
