/** The letters and the colour that stand for a name. */

const HUES = 8;

/** The first letters of the first and the last word, as people count letters; `?` of a name without any. */
export function initialsOf(name: string): string {
  const all = name.trim().split(/\s+/u).filter(Boolean);
  const spelt = all.filter((word) => /^[\p{L}\p{N}]/u.test(word));
  // A sign fills the mark by itself; beside a letter it is squeezed.
  const words = spelt.length > 0 ? spelt : all.slice(0, 1);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  const letters = ends.map((word) => firstLetter(word ?? ''));
  return letters.join('').toUpperCase() || '?';
}

/** One of the colours of avatars: the same for a name at all times and on all devices. */
export function hueOf(name: string): number {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521;
  return sum % HUES;
}

function firstLetter(word: string): string {
  const [first] = new Intl.Segmenter().segment(word);
  return first?.segment ?? '';
}
