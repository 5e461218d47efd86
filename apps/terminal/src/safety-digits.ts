/** The digits of a safety number. */

/** Twelve groups of five, four in a row, as other clients show them. */
export function digitRows(digits: string): string[] {
  const groups = digits.match(/\d{5}/gu) ?? [];
  return [0, 4, 8].map((start) => groups.slice(start, start + 4).join(' '));
}
