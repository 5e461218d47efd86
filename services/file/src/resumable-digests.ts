/**
 * Digests of uploads under way, as far as all bytes of an upload have come to this process, in their order.
 *
 * With one an upload need not be read back once it is complete. It is a short cut: an upload that was brought by several
 * processes, or whose requests failed, has none here and is read.
 */
import { createHash, type Hash } from 'node:crypto';
import type { FileId } from '@sotto/api';
import { RUNNING_DIGESTS_MAX } from './limits.ts';

/** SHA-256 of the first bytes of an upload. */
export interface RunningDigest {
  hash: Hash;
  /** How many they are. */
  bytes: number;
}

export interface RunningDigests {
  /**
   * That of these first bytes, or undefined. Whoever has taken it has it alone: of two requests for one upload the later
   * one finds none.
   */
  take(file: FileId, bytes: number): RunningDigest | undefined;
  /** Keeps one until the next request. */
  keep(file: FileId, digest: RunningDigest): void;
}

/** None at first. */
export function createRunningDigests(): RunningDigests {
  const kept = new Map<FileId, RunningDigest>();
  return {
    take(file, bytes) {
      if (bytes === 0) return { hash: createHash('sha256'), bytes };
      const digest = kept.get(file);
      kept.delete(file);
      return digest?.bytes === bytes ? digest : undefined;
    },
    keep(file, digest) {
      kept.set(file, digest);
      const [eldest] = kept.keys();
      if (kept.size > RUNNING_DIGESTS_MAX && eldest !== undefined) kept.delete(eldest);
    },
  };
}
