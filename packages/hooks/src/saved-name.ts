/** Names of files, as disks take them. */

/** What disks do not take in a name, and what would show it as another one than it is. */
const UNFIT = /[\p{Cc}\p{Cf}\u2028\u2029/\\:*?"<>|]/gu;

/** What Windows takes for a device, whatever ends the name has. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

/** Disks take 255, and something is added to a name that is taken. */
const NAME_BYTES_MAX = 200;

/** A name to save a file under: it leads into no other folder, is no device, no hidden file, and no option of a program. */
export function savedName(name: string): string {
  const safe = endOf(name.replace(UNFIT, '_'))
    .replace(/^[-.\s]+/, '')
    .replace(/[.\s]+$/, '')
    .replace(DEVICE, '_$1');
  return safe || 'file';
}

/** The end, which says what kind of file it is; no letter is cut in two. */
function endOf(name: string): string {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= NAME_BYTES_MAX) return name;
  return new TextDecoder().decode(bytes.subarray(-NAME_BYTES_MAX)).replace(/^\uFFFD+/, '');
}
