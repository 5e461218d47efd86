/** How large something is, in words. Apart from names of files: the first screen needs the one and not the other. */

const UNITS = ['bytes', 'KB', 'MB', 'GB'] as const;

/** A size as people say it: 3 bytes, 1.5 MB. */
export function sizeLabel(bytes: number, locale?: string): string {
  let [size, unit] = [bytes, 0];
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && size < 9.95 ? 1 : 0;
  const count = size.toLocaleString(locale, { maximumFractionDigits: digits });
  return bytes === 1 ? `${count} byte` : `${count} ${UNITS[unit]}`;
}
