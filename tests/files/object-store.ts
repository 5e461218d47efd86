/** Stores for the files of a platform. An S3 server can be taken away while it works, and given back; a directory stays. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWire } from '../chaos/wire.ts';
import { findProgram } from '../daemon.ts';
import { startRadosgw } from '../radosgw.ts';

export interface ObjectStore {
  /** What a platform is to be told. */
  environment: Record<string, string>;
  /** What runs it, unless nothing does. */
  server?: {
    /** Takes it away, in the middle of whatever it does. */
    kill(): Promise<void>;
    /** Gives it back. Resolves when it serves. */
    start(): Promise<void>;
  };
  close(): Promise<void>;
}

/** The S3 server of `npm test`, on a wire that is cut: others use it too, and a server of one's own takes long to start. */
export async function openWiredStore(): Promise<ObjectStore> {
  const { hostname, port } = new URL(process.env.TEST_S3_ENDPOINT ?? '');
  if (hostname !== '127.0.0.1') throw new Error('the S3 server is to be on this machine');
  const wire = await openWire([Number(port)]);
  return {
    environment: { S3_ENDPOINT: `http://127.0.0.1:${wire.port}` },
    server: { kill: async () => wire.cut(), start: async () => wire.restore() },
    close: () => wire.close(),
  };
}

/** A radosgw that is killed. */
export async function startMortalStore(): Promise<ObjectStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-s3-'));
  chmodSync(directory, 0o711);
  const program = (name: string) => findProgram(name, process.env.PATH ?? '') ?? name;
  const server = await startRadosgw(directory, program);
  return {
    environment: {
      S3_ENDPOINT: server.endpoint,
      S3_ACCESS_KEY: server.accessKey,
      S3_SECRET_KEY: server.secretKey,
    },
    server,
    async close() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A directory of the file service's own. */
export async function openDirectory(): Promise<ObjectStore> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-blobs-'));
  return {
    environment: { S3_ENDPOINT: '', FILE_DIRECTORY: directory },
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
}
