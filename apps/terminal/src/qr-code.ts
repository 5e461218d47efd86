/** QR codes in half blocks: a row of a terminal holds two of the code's. */
import { encode } from 'uqr';

/** Cells around a code that scanners need; two are enough for those of phones. */
const BORDER = 2;

/** Rows of a code that holds a text, or bytes. Light cells are drawn, so it is right where letters are light on dark. */
export function qrRows(data: string | Uint8Array): string[] {
  const bytes = typeof data === 'string' ? data : [...data];
  const { data: cells, size } = encode(bytes, { ecc: 'L', border: BORDER });
  const isDark = (row: number, column: number) => cells[row]?.[column] ?? false;
  return Array.from({ length: Math.ceil(size / 2) }, (_, pair) =>
    Array.from({ length: size }, (_, column) => {
      const [upper, lower] = [isDark(2 * pair, column), isDark(2 * pair + 1, column)];
      if (upper) return lower ? ' ' : '▄';
      return lower ? '▀' : '█';
    }).join(''),
  );
}
