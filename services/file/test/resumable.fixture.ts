/** Requests of resumable uploads, and bodies that are sent by hand. */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { FileId, fromProblemHeaders, type UserId } from '@sotto/api';
import { UPLOAD_PIECE_BYTES } from '@sotto/api/files';
import type { Fetch } from '@sotto/runtime';
import { MARKER_KEY } from '../src/store-marker.ts';
import { call } from './client.fixture.ts';
import type { Platform } from './platform.fixture.ts';

export const PART = UPLOAD_PIECE_BYTES;
export const TUS = { 'tus-resumable': '1.0.0' };
const PIECE = { ...TUS, 'content-type': 'application/offset+octet-stream' };

/** Somebody who uploads, by one process of the service. */
export interface Uploader {
  user: UserId;
  platform: Platform;
  /** Of the process that is asked. */
  fetch?: Fetch;
}

export function ask(
  { user, platform, fetch = platform.fetch }: Uploader,
  path: string,
  options: Parameters<typeof call>[3],
): Promise<Response> {
  return call({ ...platform, fetch }, user, path, options);
}

/** Begins an upload and gives its path below `/files/`. */
export async function begin(uploader: Uploader, length: number): Promise<string> {
  const headers = { ...TUS, 'upload-length': String(length) };
  const answer = await ask(uploader, 'uploads', { method: 'POST', headers });
  if (answer.status !== 201) throw new Error(await answer.text());
  return (answer.headers.get('location') ?? '').replace('/api/v1/files/', '');
}

export const idOf = (path: string): FileId => FileId.parse(path.split('/').at(-1));

export function bring(
  uploader: Uploader,
  path: string,
  {
    offset,
    body,
    headers = {},
  }: { offset: number; body: Uint8Array<ArrayBuffer>; headers?: object },
): Promise<Response> {
  const own = { ...PIECE, 'upload-offset': String(offset), ...headers };
  return ask(uploader, path, { method: 'PATCH', headers: own, body });
}

export const checksumOf = (bytes: Uint8Array) => ({
  'upload-checksum': `sha256 ${createHash('sha256').update(bytes).digest('base64')}`,
});

/** Where an upload stands; what is wrong, when it cannot be said. */
export async function standing(uploader: Uploader, path: string): Promise<number | string> {
  const answer = await ask(uploader, path, { method: 'HEAD', headers: TUS });
  const error = fromProblemHeaders(answer.headers);
  return error === undefined ? Number(answer.headers.get('upload-offset')) : error.code;
}

/** What rows and store hold of uploads and files beyond what each file has to have. */
export async function leftovers({ database, blobs }: Platform): Promise<string[]> {
  const { query } = database;
  const found: string[] = [];
  for (const table of ['uploads', 'upload_parts', 'upload_pieces'] as const) {
    for (const { file } of await query.selectFrom(table).select('file').execute()) {
      found.push(`${table}: ${file}`);
    }
  }
  for (const { blob_key } of await query.selectFrom('loose_pieces').select('blob_key').execute()) {
    found.push(`loose_pieces: ${blob_key}`);
  }
  const files = await query.selectFrom('files').select(['blob_key', 'state']).execute();
  const keys = new Set(files.map(({ blob_key }) => blob_key));
  const isNobodys = (key: string) => key !== MARKER_KEY && !keys.delete(key);
  for (const { state } of files) if (state !== 'stored') found.push(`files: ${state}`);
  for await (const { key } of blobs.list()) if (isNobodys(key)) found.push(`a blob: ${key}`);
  for (const key of keys) found.push(`no blob: ${key}`);
  for await (const { key } of blobs.listUnfinished()) found.push(`unfinished: ${key}`);
  return found;
}

/** The file that an upload has become. */
export async function download(uploader: Uploader, path: string): Promise<Buffer> {
  const answer = await ask(uploader, idOf(path), {});
  if (!answer.ok) throw new Error(await answer.text());
  return Buffer.from(await answer.arrayBuffer());
}

export interface RawBody {
  socket: Socket;
  /** All that the service says until it hangs up, or the socket breaks. */
  answer: Promise<string>;
}

export interface RawOptions {
  offset: number;
  /** Of the body, as it is announced; not at all when left out. */
  length?: number;
  /** Of the process that is asked. */
  url?: string;
  headers?: Record<string, string>;
}

/** Begins to bring bytes by hand; what is written to the socket is the body. */
export function bringRaw(
  { user, platform }: Uploader,
  path: string,
  { offset, length, url = platform.url, headers: more = {} }: RawOptions,
): RawBody {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  const answer = new Promise<string>((resolve) => {
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  const headers = {
    host: 'file.test',
    authorization: `Bearer ${platform.token(user)}`,
    ...PIECE,
    'upload-offset': String(offset),
    ...(length !== undefined && { 'content-length': String(length) }),
    ...more,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write([`PATCH /api/v1/files/${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  return { socket, answer };
}
