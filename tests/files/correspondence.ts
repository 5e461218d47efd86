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
  /** Makes files, sends them all at once, and fetches them all at once. Rejects when one does not come as it was sent. */
  exchange(files: { count: number; size: number }): Promise<Exchange>;
  close(): Promise<void>;
}

/** Both ways of some files. */
export interface Exchange {
  up: Measured;
  down: Measured;
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
  const make = (size: number): Promise<LargeFile> => {
    made += 1;
    return writeLargeFile(join(directory, `file-${made}`), { size, number: made });
  };
  const running = opened.move();
  return {
    cluster,
    async exchange({ count, size }) {
      const files: LargeFile[] = [];
      while (files.length < count) files.push(await make(size));
      const paths = files.map(({ path }) => path);
      const patienceMs = PATIENCE_MS;
      const up = await measure(cluster, () => {
        return sender.ask({ do: 'send', to: 'bob', paths, patienceMs });
      });
      const down = await measure(cluster, () => {
        return receiver.ask({ do: 'fetch', count, directory, patienceMs });
      });
      await assertSame(files, down);
      for (const { path } of [...files, ...down.saved]) rmSync(path);
      return { up, down };
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
