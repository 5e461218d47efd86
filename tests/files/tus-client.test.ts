/**
 * Resumable uploads by the client that everybody uses for them, `tus-js-client`, through the gateway: between processes,
 * over the S3 store, and within one, over the directory.
 */
import { createHash, randomBytes } from 'node:crypto';
import { Upload } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, NO_LIMITS, startCluster, startStandalone } from '../cluster.ts';
import { knock, PASSWORD } from '../security/doors.ts';

const MIB = 1024 * 1024;

/** However busy the machine is. */
const LONG_MS = 90_000;

interface Uploading {
  url: string;
  token: string;
  bytes: Buffer;
  /** Of one request; all that is left when left out. */
  chunkSize?: number;
  /** To go on with. */
  uploadUrl?: string;
  onProgress?: (upload: Upload, sent: number) => void;
}

interface Uploaded {
  id: string;
  /** What the platform said to each question where the upload stands. */
  offsets: number[];
}

/** Uploads to the end, through whatever happens meanwhile. */
function uploadAll({ url, token, bytes, onProgress, ...options }: Uploading): Promise<Uploaded> {
  const offsets: number[] = [];
  return new Promise((resolve, reject) => {
    const upload: Upload = new Upload(bytes, {
      ...options,
      // With it the client begins anew when it is not told at once where the upload stands.
      ...(options.uploadUrl === undefined && { endpoint: `${url}/api/v1/files/uploads` }),
      headers: { authorization: `Bearer ${token}` },
      metadata: { filename: 'holiday.mp4' },
      retryDelays: Array.from({ length: 30 }, () => 500),
      onProgress: (sent) => onProgress?.(upload, sent),
      onAfterResponse(request, response) {
        const offset = response.getHeader('Upload-Offset');
        if (request.getMethod() === 'HEAD' && offset !== undefined) offsets.push(Number(offset));
      },
      onError: reject,
      onSuccess: () => resolve({ id: (upload.url ?? '').split('/').at(-1) ?? '', offsets }),
    });
    upload.start();
  });
}

/** Uploads until so many bytes have been sent, and goes away. Gives the upload's address. */
async function uploadSome(uploading: Uploading, bytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let gone = false;
    const onProgress = (upload: Upload, sent: number): void => {
      if (sent < bytes || gone) return;
      gone = true;
      upload.abort().then(() => resolve(upload.url ?? ''), reject);
    };
    uploadAll({ ...uploading, onProgress }).then(() => reject(new Error('it is over')), reject);
  });
}

async function register(url: string, username: string): Promise<string> {
  const body = { username, password: PASSWORD };
  const answer = await knock(`${url}/api/v1/auth/register`, { method: 'POST', body });
  return (answer.body as { accessToken: string }).accessToken;
}

async function fileDigest({ url, token }: Uploading, id: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/v1/files/${id}`, { headers });
  if (!answer.ok) throw new Error(await answer.text());
  return digest(new Uint8Array(await answer.arrayBuffer()));
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('through five processes', () => {
  let cluster: Cluster;
  let shared: { url: string; token: string };
  beforeAll(async () => {
    cluster = await startCluster(NO_LIMITS);
    shared = { url: cluster.url, token: await register(cluster.url, 'Tess') };
  }, 120_000);
  afterAll(() => cluster?.close());

  test.each([
    ['pieces of 4 MiB', 4 * MIB],
    ['one request', undefined],
  ])(
    'a file goes up in %s',
    async (_, chunkSize) => {
      const uploading = {
        ...{ ...shared, bytes: randomBytes(11 * MIB + 7) },
        ...(chunkSize !== undefined && { chunkSize }),
      };
      const { id } = await uploadAll(uploading);
      expect(await fileDigest(uploading, id)).toBe(digest(uploading.bytes));
    },
    LONG_MS,
  );

  test(
    'a client that went away goes on where it was',
    async () => {
      const uploading = { ...shared, bytes: randomBytes(40 * MIB) };
      const uploadUrl = await uploadSome(uploading, 8 * MIB);
      const { id, offsets } = await uploadAll({ ...uploading, uploadUrl });
      expect(offsets[0]).toBeGreaterThan(0);
      expect(await fileDigest(uploading, id)).toBe(digest(uploading.bytes));
    },
    LONG_MS,
  );

  test(
    'an upload that is given up is gone',
    async () => {
      const uploadUrl = await uploadSome({ ...shared, bytes: randomBytes(40 * MIB) }, 8 * MIB);
      await Upload.terminate(uploadUrl, {
        headers: { authorization: `Bearer ${shared.token}` },
        retryDelays: Array.from({ length: 30 }, () => 500),
      });
      const answer = await knock(uploadUrl, {
        method: 'DELETE',
        token: shared.token,
        headers: TUS,
      });
      expect(answer.status).toBe(404);
    },
    LONG_MS,
  );

  test('what it speaks is told through the gateway', async () => {
    const answer = await fetch(`${shared.url}/api/v1/files/uploads`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('tus-version')).toBe('1.0.0');
  });

  test(
    'a file service that is killed in the middle of it loses nothing that it said it had',
    async () => {
      const bytes = randomBytes(40 * MIB);
      const uploading = { ...shared, bytes, uploadUrl: await begin(bytes.byteLength) };
      let killed: Promise<unknown> | undefined;
      const { id, offsets } = await uploadAll({
        ...uploading,
        onProgress(_, sent) {
          if (sent >= 6 * MIB) killed ??= killFileService();
        },
      });
      await killed;
      // Once to begin with, and once after it.
      expect(offsets.length).toBeGreaterThan(1);
      expect(await fileDigest(uploading, id)).toBe(digest(uploading.bytes));
    },
    LONG_MS,
  );

  async function begin(length: number): Promise<string> {
    const headers = { ...TUS, 'upload-length': String(length) };
    const { token } = shared;
    const place = `${shared.url}/api/v1/files/uploads`;
    const answer = await knock(place, { method: 'POST', token, headers });
    return new URL(answer.headers.get('location') ?? '', shared.url).href;
  }

  async function killFileService(): Promise<void> {
    const { file } = cluster.processes;
    await file.kill();
    await cluster.startAnother('file', { SERVER_PORT: new URL(file.url).port });
  }
});

const TUS = { 'tus-resumable': '1.0.0' };

test('through one process a file goes up, and on where it was', async () => {
  await using opened = new AsyncDisposableStack();
  const platform = await startStandalone({ environment: NO_LIMITS });
  opened.defer(() => platform.close());
  const token = await register(platform.url, 'Tess');
  const uploading = { url: platform.url, token, bytes: randomBytes(30 * MIB) };
  const uploadUrl = await uploadSome(uploading, 8 * MIB);
  const { id, offsets } = await uploadAll({ ...uploading, uploadUrl });
  expect(offsets[0]).toBeGreaterThan(0);
  expect(await fileDigest(uploading, id)).toBe(digest(uploading.bytes));
}, 120_000);
