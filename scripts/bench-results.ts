/** What a benchmark has measured, and how it is shown. */

/** One line of a benchmark: what was measured, on what, and the figures by name, each with its unit in it. */
export interface Result {
  case: string;
  implementation: string;
  [figure: string]: string | number | null | undefined;
}

/** Rows may lack figures that others have. */
export function markdownTable(results: readonly Result[]): string {
  const columns = [...new Set(results.flatMap((result) => Object.keys(result)))];
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map((column) => (isFigure(results, column) ? '---:' : '---'));
  const lines = results.map((result) => row(columns.map((column) => result[column] ?? '')));
  return [row(columns), row(rule), ...lines].join('\n');
}

function isFigure(results: readonly Result[], column: string): boolean {
  return results.some((result) => typeof result[column] === 'number');
}
