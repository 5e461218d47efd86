/** What kind of file it is. */

/** Pictures that browsers draw and that cannot hold a script. */
const PICTURES = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif', 'image/avif']);

/** Whether it can be shown in the page. */
export function isPicture(mediaType: string): boolean {
  return PICTURES.has(mediaType.toLowerCase());
}
