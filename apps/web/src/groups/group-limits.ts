/** What a group may be like, so that a form can say it before the SDK refuses. */

/** The SDK's own: everybody keeps keys for everybody. */
export const GROUP_MEMBERS_MAX = 200;

/** Bytes of UTF-8 that the SDK takes. */
const TITLE_BYTES_MAX = 511;

/** What is wrong with a group's name, in words. */
export function titleError(title: string): string | undefined {
  if (title === '') return 'Give the group a name';
  const length = new TextEncoder().encode(title).length;
  return length > TITLE_BYTES_MAX ? 'This name is too long' : undefined;
}
