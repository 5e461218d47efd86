/**
 * A client whose process ends, by SIGKILL, at a point of its work. Points are all places where what the disk or the network
 * knows changes: before and behind each commit, each request and each frame. Between two of them a process may die
 * anywhere, and has left the same behind.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { type Client, createClient, type Store } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import type { Provider } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';

export interface MortalOptions {
  readonly url: string;
  readonly path: string;
  /** The number of the point at which the process ends; 0 for none. */
  readonly killAt: number;
  /** Where each use of a key with a nonce is written down, as two hashes: of both, and of what came out. */
  readonly sealsPath: string;
}

export interface Mortal {
  readonly client: Client;
  /** How many points were passed. */
  readonly passed: () => number;
}

/** The client of the store at `path`. */
export function openMortal({ url, path, killAt, sealsPath }: MortalOptions): Mortal {
  let passed = 0;
  const point = (): void => {
    passed += 1;
    if (passed === killAt) process.kill(process.pid, 'SIGKILL');
  };
  const client = createClient({
    url,
    store: mortalStore(openSqliteStore(path), point),
    provider: recordingProvider(sealsPath),
    fetch: async (input, init) => {
      point();
      const answer = await fetch(input, init);
      point();
      return answer;
    },
    WebSocket: mortalSocket(point, refusedPathOf(path)),
  });
  return { client, passed: () => passed };
}

/** Where the lives of a store leave a dot for each refusal that named devices which they did not know, or which are gone. */
export function refusedPathOf(path: string): string {
  return `${path}.refused`;
}

function mortalStore(store: Store, point: () => void): Store {
  return {
    async transaction(work) {
      const result = await store.transaction(async (transaction) => {
        const done = await work(transaction);
        point();
        return done;
      });
      point();
      return result;
    },
    close: () => store.close(),
  };
}

function mortalSocket(point: () => void, refusedPath: string): typeof WebSocket {
  return class extends WebSocket {
    constructor(...given: ConstructorParameters<typeof WebSocket>) {
      super(...given);
      // Before the point, at which nothing more can be written down.
      this.addEventListener('message', ({ data }) => {
        if (String(data).includes('"message.devices-stale"')) appendFileSync(refusedPath, '.');
      });
      this.addEventListener('message', point);
    }
    override send(data: Parameters<WebSocket['send']>[0]): void {
      point();
      super.send(data);
      point();
    }
  };
}

function recordingProvider(path: string): Provider {
  return {
    ...nodeProvider,
    aesGcmSeal(input) {
      const output = nodeProvider.aesGcmSeal(input);
      const pair = createHash('sha256').update(input.key).update(input.nonce).digest('hex');
      // On its way before the ciphertext is: no life forgets what it has used.
      appendFileSync(path, `${pair} ${createHash('sha256').update(output).digest('hex')}\n`);
      return output;
    },
  };
}
