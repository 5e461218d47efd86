/** Small pictures of files that are sent: made in the page, because nobody else ever sees the file. */
import type { Thumbnail } from '@sotto/client';
import { isPicture } from './file-words.ts';

/** What a message takes. */
const BYTES_MAX = 8 * 1024;

/** Each try is smaller than the one before: longest edge in dots, and quality. */
const TRIES = [
  [320, 0.6],
  [240, 0.5],
  [160, 0.4],
  [96, 0.3],
] as const;

/** Larger ones could fill the memory of a phone when they are decoded. */
const SOURCE_BYTES_MAX = 40 * 1024 * 1024;

/** A thumbnail of a picture; undefined for other files, and for what the browser cannot draw. */
export async function thumbnailOf(file: Blob): Promise<Thumbnail | undefined> {
  if (!isPicture(file.type) || file.size > SOURCE_BYTES_MAX) return undefined;
  const picture = await createImageBitmap(file).catch(() => undefined);
  if (picture === undefined) return undefined;
  try {
    for (const [edge, quality] of TRIES) {
      const drawn = await draw(picture, edge, quality);
      if (drawn !== undefined && drawn.size <= BYTES_MAX) {
        return { type: drawn.type, bytes: new Uint8Array(await drawn.arrayBuffer()) };
      }
    }
    return undefined;
  } finally {
    picture.close();
  }
}

/** Browsers without WebP write PNG instead, which is no photograph's size: those take JPEG. */
async function draw(
  picture: ImageBitmap,
  edge: number,
  quality: number,
): Promise<Blob | undefined> {
  const scale = Math.min(1, edge / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) return undefined;
  context.drawImage(picture, 0, 0, width, height);
  const webp = await canvas.convertToBlob({ type: 'image/webp', quality });
  if (webp.type === 'image/webp') return webp;
  return canvas.convertToBlob({ type: 'image/jpeg', quality });
}
