/** Keys of blobs: server-made UUIDs, so that none can name a path of its own. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether it is a UUID in lower case. */
export function isBlobKey(key: string): boolean {
  return UUID.test(key);
}

/** Throws for anything but a key. */
export function assertBlobKey(key: string): void {
  if (!isBlobKey(key)) throw new TypeError('a blob key is a UUID');
}
