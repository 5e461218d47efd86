/** Two people who send each other files over a platform of five processes, each on a phone with little memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, NO_LIMITS, startCluster } from '../cluster.ts';
import { type Courier, startCourier } from './courier.ts';
import { digestOf, type LargeFile, writeLargeFile } from './large-file.ts';
import { watchPeak } from './peak.ts';
import type { Done } from './work.ts';

export interface Correspondence {
  cluster: Cluster;
  /** Makes files, each of its own contents. */
  make(files: { count: number; size: number }): Promise<LargeFile[]>;
  /** Sends them all at once. */
  send(files: readonly LargeFile[]): Promise<Measured>;
  /** Fetches them all at once. Rejects when one is not what was sent; removes what it has fetched, and the files. */
  fetch(files: readonly LargeFile[]): Promise<Measured>;
  close(): Promise<void>;
}

export interface Measured extends Done {
  /** Growth of resident memory at its highest, in MiB. */
  gatewayMiB: number;
  fileMiB: number;
}

const PATIENCE_MS = 120_000;

/** Starts everything. */
export async function openCorrespondence(
  environment: Readonly<Record<string, string>> = {},
): Promise<Correspondence> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'sotto-files-'));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await startCluster({ ...NO_LIMITS, ...environment });
  opened.defer(() => cluster.close());
  const enter = async (username: string): Promise<Courier> => {
    const courier = startCourier();
    opened.defer(() => courier.kill());
    const store = join(directory, `${username}.db`);
    await courier.ask({ do: 'open', url: cluster.url, store, username });
    return courier;
  };
  const [sender, receiver] = [await enter('alice'), await enter('bob')];
  let made = 0;
  const running = opened.move();
  return {
    cluster,
    async make({ count, size }) {
      const files: LargeFile[] = [];
      for (const end = made + count; made < end; made++) {
        files.push(await writeLargeFile(join(directory, `file-${made}`), { size, number: made }));
      }
      return files;
    },
    send(files) {
      const paths = files.map(({ path }) => path);
      const work = { do: 'send', to: 'bob', paths, patienceMs: PATIENCE_MS } as const;
      return measure(cluster, () => sender.ask(work));
    },
    async fetch(files) {
      const work = {
        do: 'fetch',
        count: files.length,
        directory,
        patienceMs: PATIENCE_MS,
      } as const;
      const fetched = await measure(cluster, () => receiver.ask(work));
      await assertSame(files, fetched);
      for (const { path } of [...files, ...fetched.saved]) rmSync(path);
      return fetched;
    },
    close: () => running.disposeAsync(),
  };
}

async function measure({ processes }: Cluster, work: () => Promise<Done>): Promise<Measured> {
  const gateway = watchPeak(processes.gateway.pid);
  const file = watchPeak(processes.file.pid);
  const done = await work();
  return { ...done, gatewayMiB: gateway(), fileMiB: file() };
}

async function assertSame(sent: readonly LargeFile[], { saved }: Done): Promise<void> {
  for (const { path, sha256 } of sent) {
    const copy = saved.find(({ name }) => path.endsWith(`/${name}`));
    if (copy === undefined) throw new Error(`${path} did not arrive`);
    if ((await digestOf(copy.path)) !== sha256)
      throw new Error(`${path} arrived as something else`);
  }
}
