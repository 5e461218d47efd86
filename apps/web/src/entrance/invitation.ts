/**
 * Invitations as links: `https://chat.example.org/#invite=CODE`. The code stands behind the `#`, where browsers send it
 * to nobody.
 */

/** The invitation in the fragment of an address, or undefined. */
export function invitationIn(hash: string): string | undefined {
  const code = new URLSearchParams(hash.replace(/^#/, '')).get('invite');
  return code === null || code === '' ? undefined : code;
}

/** The code of what somebody has pasted, whether it is the whole link or the code alone. */
export function invitationOf(pasted: string): string {
  const text = pasted.trim();
  const at = text.indexOf('#');
  return (at === -1 ? undefined : invitationIn(text.slice(at))) ?? text;
}
