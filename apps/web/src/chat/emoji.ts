/** Emoji as reactions. */

const EMOJI = /^\p{RGI_Emoji}$/v;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The first emoji of a text, whole; undefined when there is none. */
export function oneEmoji(text: string): string | undefined {
  for (const { segment } of graphemes.segment(text)) {
    if (EMOJI.test(segment)) return segment;
    // Some keyboards leave out what makes a sign colourful.
    if (EMOJI.test(`${segment}\ufe0f`)) return `${segment}\ufe0f`;
  }
  return undefined;
}
