/** Files that were received, on their way to the disk of whoever saves them. */
import type { OpenedFile } from '@sotto/client';
import { savedName } from '@sotto/hooks';
import { saveFile } from '../settings/save-file.ts';

/** Where a file goes. */
export interface Place {
  /** Takes the bytes; throws what reading them does, and then nothing is left. */
  readonly take: (file: OpenedFile, onProgress: (done: number) => void) => Promise<void>;
}

/** A page, with a part of the File System Access API that not all browsers have. */
interface Scope {
  readonly document: Document;
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
}

/**
 * Asks where to save: a place on the disk that is written as the file comes, where the browser has such, else its folder of
 * downloads. To be called by a click at once. Undefined when somebody thinks better of it.
 */
export async function choosePlace(name: string): Promise<Place | undefined> {
  const suggestedName = savedName(name);
  const scope: Scope = globalThis;
  try {
    const handle = await scope.showSaveFilePicker?.({ suggestedName });
    if (handle === undefined) return { take: download(suggestedName) };
    return { take: write(handle) };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    return { take: download(suggestedName) };
  }
}

/**
 * All of it, held once by the browser and not by the page: Chromium keeps large ones on the disk, others in their memory.
 */
export async function readWhole(
  { stream, type }: OpenedFile,
  onProgress: (done: number) => void,
): Promise<Blob> {
  const pieces: Blob[] = [];
  let done = 0;
  for (const reader = stream.getReader(); ; ) {
    const { value, done: isEnd } = await reader.read();
    if (isEnd) return new Blob(pieces, { type });
    pieces.push(new Blob([Uint8Array.from(value)]));
    done += value.length;
    onProgress(done);
  }
}

function download(name: string): Place['take'] {
  return async (file, onProgress) => {
    const whole = await readWhole(file, onProgress);
    // By no type that a browser would open in the page's origin.
    saveFile(new Blob([whole], { type: 'application/octet-stream' }), name);
  };
}

/** What was written shows under the name only once all of it was right. */
function write(handle: FileSystemFileHandle): Place['take'] {
  return async (file, onProgress) => {
    let done = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform(piece, controller) {
        controller.enqueue(Uint8Array.from(piece));
        done += piece.length;
        onProgress(done);
      },
    });
    await file.stream.pipeThrough(counted).pipeTo(await handle.createWritable());
  };
}
