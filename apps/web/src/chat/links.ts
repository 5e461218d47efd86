/** Addresses in what people write. */

/** A stretch of text, with where it leads if it is a link. */
export interface TextPart {
  readonly text: string;
  readonly href?: string;
}

/** Blanks, quotes, brackets, control characters and whatever turns the direction of text end an address. */
const ADDRESS =
  /\bhttps?:\/\/[^\s<>"'`\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/giu;

/** What belongs to the sentence, and not to the address at its end. */
const SENTENCE_END = /[.,;:!?…'’”»*_~]+$/u;

/** Longer ones are data, and links are looked for in what people read. */
const LENGTH_MAX = 2048;

/** Only the web, and nothing that names a user: `https://bank.example@evil.example` leads to the latter. */
export function linkParts(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutSentence(match[0]);
    const href = hrefOf(address);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function hrefOf(address: string): string | undefined {
  if (address.length > LENGTH_MAX) return undefined;
  const url = URL.parse(address);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  return url !== null && isWeb && url.username === '' && url.password === '' ? url.href : undefined;
}

/** A bracket at the end belongs to the address when it was opened in it. */
function withoutSentence(address: string): string {
  const shorter = address.replace(SENTENCE_END, '');
  const [open, close] = [count(shorter, '('), count(shorter, ')')];
  if (shorter.endsWith(')') && close > open) return withoutSentence(shorter.slice(0, -1));
  return shorter.endsWith(']') ? withoutSentence(shorter.slice(0, -1)) : shorter;
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

const FEW_EMOJI = /^(?:\p{RGI_Emoji}\s*){1,3}$/v;

/** Whether it is a few emoji and nothing else, which are shown larger. */
export function isFewEmoji(text: string): boolean {
  return text.length < 64 && FEW_EMOJI.test(text);
}
