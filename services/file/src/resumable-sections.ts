/** A body cut into sections of sizes that are named one after the other, each whole in memory, and then in the store. */
import { ApiError } from '@sotto/api';
import type { PartMemory } from '@sotto/runtime';

export interface Section extends Disposable {
  /** What has come of it, also when less came than was asked for. Good until it is disposed of. */
  bytes: Uint8Array;
  /** Why less came: the body is at its end, or it failed. */
  end?: 'done' | { error: unknown };
}

export interface Sections {
  /** The next bytes, so many at most. None at all looks for the end of the body. Dispose of it before the next one. */
  next(size: number): Promise<Section>;
  /** Lets go of the body, wherever it stands. */
  close(): Promise<void>;
}

export interface CuttingOptions {
  memory: PartMemory;
  /** Whose share of the memory is taken. */
  owner: string;
  /** Ends a wait for memory. A section that is under way then fails with its reason. */
  signal: AbortSignal;
}

/** Cuts a body. Close it. */
export function cutSections(
  body: ReadableStream<Uint8Array>,
  { memory, owner, signal }: CuttingOptions,
): Sections {
  const reader = body.getReader();
  const close = (): Promise<void> => reader.cancel().catch(() => undefined);
  let rest: Uint8Array = new Uint8Array();

  /** What the body gives next, or nothing at its end. */
  async function more(): Promise<boolean> {
    while (rest.byteLength === 0) {
      const { done, value } = await reader.read();
      if (done) return false;
      rest = value;
    }
    return true;
  }

  return {
    async next(size) {
      const part = memory.open({ owner, onGivenUp: () => void close() });
      let filled = 0;
      let end: Section['end'];
      try {
        do {
          if (!(await more())) {
            end = 'done';
            break;
          }
          if (size === 0) throw new ApiError('request.too-large', { detail: 'the upload is over' });
          const taken = await part.append(rest.subarray(0, size - filled), signal);
          rest = rest.subarray(taken);
          filled += taken;
        } while (filled < size);
      } catch (error) {
        end = { error };
      }
      const release = { [Symbol.dispose]: () => part.release() };
      try {
        const bytes = part.finish();
        return { bytes, ...(end !== undefined && { end }), ...release };
      } catch (error) {
        return { bytes: part.rescue(), end: { error }, ...release };
      }
    },
    close,
  };
}
