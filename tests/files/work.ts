/** What a courier is asked, and what it answers: one message between two processes each. */

export type Work =
  /** Makes the account when the store holds none, and connects. */
  | { do: 'open'; url: string; store: string; username: string }
  /** Sends files to a user, all at once. Answers when the messages are stored. */
  | { do: 'send'; to: string; paths: string[]; patienceMs: number }
  /** Takes so many messages with a file, and saves the files, all at once. */
  | { do: 'fetch'; count: number; directory: string; patienceMs: number }
  /** Deletes the account. */
  | { do: 'leave' };

export interface Done {
  /** Of files that were fetched, by their paths. */
  saved: { name: string; path: string }[];
  /** How often something broke off and was done again. */
  retries: number;
  /** Uploads that went on where an earlier life of the courier had stopped. */
  resumed: number;
  seconds: number;
  cpuSeconds: number;
}

export type Answer = { done: Done } | { failed: string };

/** A courier's heap, in MiB: far below one file. */
export const HEAP_MIB = 64;
