/** Which square of a picture is shown, and how it becomes a small file. */

/** How the person has placed the square: by parts of what there is to move, so that it holds for any size. */
export interface Crop {
  /** 1: as much of the picture as fits into a square. */
  readonly zoom: number;
  /** From 0, its left edge, to 1. */
  readonly across: number;
  /** From 0, its upper edge, to 1. */
  readonly down: number;
}

export const MIDDLE: Crop = { zoom: 1, across: 0.5, down: 0.5 };
export const ZOOM_MAX = 4;

/** As large as it is ever shown, twice. */
const SIDE = 384;
/** What a profile's picture may have (`PICTURE_BYTES_MAX` of the SDK). */
const BYTES_MAX = 256 * 1024;
const QUALITIES = [0.9, 0.75, 0.6] as const;

/** The square in pixels of a picture of this size. */
export function squareOf(
  { width, height }: { readonly width: number; readonly height: number },
  { zoom, across, down }: Crop,
): { x: number; y: number; side: number } {
  const side = Math.min(width, height) / zoom;
  return { x: (width - side) * across, y: (height - side) * down, side };
}

/** Draws the square over the whole of a canvas. */
export function drawCrop(canvas: HTMLCanvasElement, picture: ImageBitmap, crop: Crop): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const { x, y, side } = squareOf(picture, crop);
  // What is transparent would be black in a JPEG.
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, x, y, side, side, 0, 0, canvas.width, canvas.height);
}

/** The square as a JPEG that a profile takes. Drawn anew, so nothing of the file's own remarks stays, such as a place. */
export async function encodeCrop(picture: ImageBitmap, crop: Crop): Promise<Uint8Array> {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  drawCrop(canvas, picture, crop);
  for (const quality of QUALITIES) {
    const file = await toJpeg(canvas, quality);
    if (file.size <= BYTES_MAX) return new Uint8Array(await file.arrayBuffer());
  }
  throw new Error('a picture of this size always fits');
}

function toJpeg(canvas: HTMLCanvasElement, quality: number): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const done = (file: Blob | null) =>
      file === null ? reject(new Error('the browser made no picture')) : resolve(file);
    canvas.toBlob(done, 'image/jpeg', quality);
  });
}
