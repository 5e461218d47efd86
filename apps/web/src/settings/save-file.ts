/** Hands the person a file that was made in the page. */

/** A download's address is needed until the browser has begun it, which nothing tells. */
const KEPT_MS = 60_000;

/** Saves a file under a name where the browser keeps downloads. */
export function saveFile(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** A day as part of a file's name. */
export function dayInName(time: number = Date.now()): string {
  return new Date(time).toISOString().slice(0, 10);
}
