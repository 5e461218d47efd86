/** Requests to a file service, as a user. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ConversationId, Problem, UserId } from '@sotto/api';
import { FileInfo } from '@sotto/api/files';
import type { Platform } from './platform.fixture.ts';

export const newUser = (): UserId => UserId.parse(randomUUID());
export const newConversation = (): ConversationId => ConversationId.parse(randomUUID());
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: BodyInit;
}

/** A request without a socket. */
export async function call(
  { fetch, token }: Platform,
  user: UserId,
  path: string,
  { method = 'GET', headers = {}, body }: CallOptions = {},
): Promise<Response> {
  const request = new Request(`http://file.test/api/v1/files/${path}`, {
    method,
    headers: { authorization: `Bearer ${token(user)}`, ...headers },
    ...(body !== undefined && { body, duplex: 'half' }),
  });
  return fetch(request);
}

export const OCTETS = { 'content-type': 'application/octet-stream' };

export function upload(platform: Platform, user: UserId, bytes: Uint8Array<ArrayBuffer>) {
  return call(platform, user, 'upload', { method: 'POST', headers: OCTETS, body: bytes });
}

/** Stores some bytes and gives what the service says of them. */
export async function stored(
  platform: Platform,
  user: UserId,
  bytes: Uint8Array<ArrayBuffer> = randomBytes(1000),
): Promise<FileInfo> {
  const response = await upload(platform, user, bytes);
  if (response.status !== 201) throw new Error(await response.text());
  return FileInfo.parse(await response.json());
}

export function grant(platform: Platform, user: UserId, file: string, conversation: string) {
  return call(platform, user, `${file}/grants`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ conversation }),
  });
}

/** The problem that an answer tells, and its status. */
export async function problemOf(response: Response): Promise<string> {
  const problem = Problem.parse(await response.json());
  return `${response.status} ${problem.code}`;
}

/** What the platform keeps: nothing may be left over once a test is done. */
export async function rows({ database }: Platform): Promise<{ state: string; blob_key: string }[]> {
  return database.query.selectFrom('files').select(['state', 'blob_key']).execute();
}

export async function usage({ database }: Platform, owner: UserId): Promise<number> {
  const row = await database.query
    .selectFrom('usage')
    .select('bytes')
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row?.bytes ?? 0;
}

/** Waits until a condition holds. */
export async function until(condition: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the condition did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
