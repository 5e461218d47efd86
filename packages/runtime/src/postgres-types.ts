/** How columns become values, where the driver's defaults do not fit. */
import pg from 'pg';

/** Object ids of PostgreSQL's built-in types. */
const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMERIC = 1700;

type ReadText = (text: string) => unknown;

const readers: ReadonlyMap<number, ReadText> = new Map<number, ReadText>([
  [INT8, safeInteger],
  [INT8_ARRAY, (text) => integerArray(text)],
  // Sums of integers are numeric.
  [NUMERIC, (text) => (text.includes('.') ? Number(text) : safeInteger(text))],
]);

/** The type parsers of our pools; pg's own for everything that is not listed here. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    const reader = format === 'binary' ? undefined : readers.get(oid);
    return reader ?? pg.types.getTypeParser(oid, format);
  },
};

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a database integer exceeds 2^53');
  return value;
}

function integerArray(text: string): (number | null)[] {
  if (text === '{}') return [];
  const items = text.slice(1, -1).split(',');
  return items.map((item) => (item === 'NULL' ? null : safeInteger(item)));
}
