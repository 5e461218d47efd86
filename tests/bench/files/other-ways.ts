/** What the same bytes cost without the platform: `curl` straight to the S3 server, and `sha256sum`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type BucketPlace, presign } from '../../files/bucket.ts';
import type { LargeFile } from '../../files/large-file.ts';

const run = promisify(execFile);

export interface Cost {
  seconds: number;
  /** Of the program alone. */
  cpuSeconds: number;
}

/** Puts a file under a key. */
export function putByCurl(place: BucketPlace, key: string, file: LargeFile): Promise<Cost> {
  return cost('curl', ['-sS', '--fail', '-T', file.path, presign(place, 'PUT', key)]);
}

/** Gets an object into a file. */
export function getByCurl(place: BucketPlace, key: string, path: string): Promise<Cost> {
  return cost('curl', ['-sS', '--fail', '-o', path, presign(place, 'GET', key)]);
}

/** Reads a file once and hashes it. */
export function sumBySha256sum(file: LargeFile): Promise<Cost> {
  return cost('sha256sum', [file.path]);
}

/** A shell tells what its children have computed: `times`, of POSIX. */
async function cost(program: string, argv: readonly string[]): Promise<Cost> {
  const startedAt = performance.now();
  const { stdout } = await run('sh', ['-c', '"$@" >&2 && times', 'sh', program, ...argv]);
  const seconds = (performance.now() - startedAt) / 1000;
  const [, children = ''] = stdout.trim().split('\n');
  const spent = [...children.matchAll(/(\d+)m([\d.]+)s/g)];
  return {
    seconds,
    cpuSeconds: spent.reduce(
      (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
      0,
    ),
  };
}
