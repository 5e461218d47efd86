/**
 * Nobody gets at a file that is not theirs: its uploader, a member of the conversation that it is shared in, a stranger
 * with a file and a conversation of their own, and somebody without a token, against every route of the file service.
 *
 * The contract's own list says what there is, so that a route without a row here fails.
 */
import { randomUUID } from 'node:crypto';
import { type ConversationId, endpoints, type FileId, type UserId } from '@sotto/api';
import { internalEndpoints } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CallOptions,
  call,
  grant,
  newConversation,
  newUser,
  OCTETS,
  stored,
} from '../../services/file/test/client.fixture.ts';
import { type Platform, startPlatform } from '../../services/file/test/platform.fixture.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
});
afterAll(() => platform.close());

const TUS = { 'tus-resumable': '1.0.0' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** What belongs to one user, and who else reads it. */
interface Holding {
  owner: UserId;
  member: UserId;
  conversation: ConversationId;
  /** Shared in the conversation. */
  file: FileId;
  /** Not finished. */
  upload: string;
}

async function makeHolding(): Promise<Holding> {
  const [owner, member, conversation] = [newUser(), newUser(), newConversation()];
  platform.members.add(`${conversation} ${owner}`).add(`${conversation} ${member}`);
  const { id: file } = await stored(platform, owner);
  expect((await grant(platform, owner, file, conversation)).status).toBe(204);
  const begun = await call(platform, owner, 'uploads', {
    method: 'POST',
    headers: { ...TUS, 'upload-length': '1000' },
  });
  expect(begun.status).toBe(201);
  const upload = begun.headers.get('location')?.split('/').at(-1) ?? '';
  return { owner, member, conversation, file, upload };
}

type Request = [path: string, options?: CallOptions];

/** `own`: names nothing of anybody's. `public`: takes no token. The others name a file or an upload. */
interface Row {
  kind: 'readers' | 'owner' | 'own' | 'public';
  request(holding: Holding): Request;
}

const ROWS: Readonly<Record<string, Row>> = {
  downloadFile: { kind: 'readers', request: ({ file }) => [file] },
  getFileInfo: { kind: 'readers', request: ({ file }) => [`${file}/info`] },
  grantFile: {
    kind: 'readers',
    request: ({ file, conversation }) => [
      `${file}/grants`,
      { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ conversation }) },
    ],
  },
  listGrants: { kind: 'owner', request: ({ file }) => [`${file}/grants`] },
  revokeGrant: {
    kind: 'owner',
    request: ({ file, conversation }) => [`${file}/grants/${conversation}`, { method: 'DELETE' }],
  },
  deleteFile: { kind: 'owner', request: ({ file }) => [file, { method: 'DELETE' }] },
  findUpload: {
    kind: 'owner',
    request: ({ upload }) => [`uploads/${upload}`, { method: 'HEAD', headers: TUS }],
  },
  continueUpload: {
    kind: 'owner',
    request: ({ upload }) => [
      `uploads/${upload}`,
      {
        method: 'PATCH',
        headers: {
          ...TUS,
          'content-type': 'application/offset+octet-stream',
          'upload-offset': '0',
        },
        body: 'bytes',
      },
    ],
  },
  endUpload: {
    kind: 'owner',
    request: ({ upload }) => [`uploads/${upload}`, { method: 'DELETE', headers: TUS }],
  },
  uploadFile: {
    kind: 'own',
    request: () => ['upload', { method: 'POST', headers: OCTETS, body: 'bytes' }],
  },
  createUpload: {
    kind: 'own',
    request: () => ['uploads', { method: 'POST', headers: { ...TUS, 'upload-length': '10' } }],
  },
  describeUploads: { kind: 'public', request: () => ['uploads', { method: 'OPTIONS' }] },
};

const rows = Object.entries(ROWS).map(([id, row]) => ({ id, ...row }));
const ofFiles = endpoints.filter(({ service }) => service === 'file');

/** All that the service keeps of a user's files, as it is. */
async function possessions({ owner, file, upload }: Holding): Promise<unknown> {
  const { rows: found } = await platform.database.pool.query(
    `select f.id, f.state, f.size, f.unshared_at, g.conversation, u.attempt, u.writer
      from files f left join grants g on g.file = f.id left join uploads u on u.file = f.id
      where f.owner = $1 or f.id = any($2) order by f.id, g.conversation`,
    [owner, [file, upload]],
  );
  return found;
}

async function send(user: UserId, [path, options]: Request): Promise<Response> {
  return call(platform, user, path, options);
}

/** Everything that a caller learns, but for names of this one request and how often they have asked. */
async function learned(response: Response): Promise<unknown> {
  const {
    'x-request-id': _,
    'ratelimit-remaining': __,
    ...headers
  } = Object.fromEntries(response.headers);
  const text = await response.text();
  const { instance: ___, ...problem } = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers, problem };
}

describe('every route', () => {
  test('has a row, and every row a route', () => {
    expect(Object.keys(ROWS).sort()).toEqual(ofFiles.map(({ id }) => id).sort());
  });

  const closed = rows.filter(({ kind }) => kind === 'readers' || kind === 'owner');
  test.each(closed)('$id tells a stranger what it tells of nothing at all', async ({ request }) => {
    const [ours, theirs] = [await makeHolding(), await makeHolding()];
    const before = await possessions(ours);
    for (const stranger of [theirs.owner, theirs.member, newUser()]) {
      const refused = await learned(await send(stranger, request(ours)));
      expect(refused).toMatchObject({ status: 404 });
      const nothing = { ...ours, file: randomUUID() as FileId, upload: randomUUID() };
      expect(refused).toEqual(await learned(await send(stranger, request(nothing))));
    }
    expect(await possessions(ours)).toEqual(before);
  });

  const byOwners = rows.filter(({ kind }) => kind === 'owner');
  test.each(byOwners)('$id is for the uploader, not for who may read', async ({ request }) => {
    const ours = await makeHolding();
    const before = await possessions(ours);
    expect((await send(ours.member, request(ours))).status).toBe(404);
    expect(await possessions(ours)).toEqual(before);
    expect((await send(ours.owner, request(ours))).status).toBeLessThan(300);
  });

  const byReaders = rows.filter(({ kind }) => kind === 'readers');
  test.each(byReaders)('$id is for who may read', async ({ request }) => {
    const ours = await makeHolding();
    for (const user of [ours.owner, ours.member]) {
      expect((await send(user, request(ours))).status).toBeLessThan(300);
    }
  });

  const guarded = rows.filter(({ kind }) => kind !== 'public');
  test.each(guarded)('$id is for nobody without a token', async ({ request }) => {
    const ours = await makeHolding();
    const [path, { method = 'GET', headers = {}, body } = {}] = request(ours);
    const answer = await platform.fetch(
      new Request(`http://file.test/api/v1/files/${path}`, {
        ...{ method, headers },
        ...(body !== undefined && { body, duplex: 'half' }),
      }),
    );
    expect(answer.status).toBe(401);
  });
});

test('nobody shares what they may not read, nor into a conversation that is not theirs', async () => {
  const [ours, theirs] = [await makeHolding(), await makeHolding()];
  for (const { user, status } of [
    { user: theirs.owner, status: 404 },
    { user: ours.member, status: 404 },
    { user: ours.owner, status: 404 },
  ]) {
    expect((await grant(platform, user, ours.file, theirs.conversation)).status).toBe(status);
  }
  expect((await call(platform, theirs.member, ours.file)).status).toBe(404);
});

test('what is between services is for none of their users', async () => {
  const ours = await makeHolding();
  const between = internalEndpoints.filter(({ service }) => service === 'file');
  expect(between.length).toBeGreaterThan(0);
  for (const { method, path } of between) {
    const target = path.replace('{user_id}', ours.owner);
    const response = await platform.fetch(
      new Request(`http://file.test${target}`, {
        method,
        headers: { authorization: `Bearer ${platform.token(ours.owner)}` },
      }),
    );
    expect([path, response.status]).toEqual([path, 401]);
  }
});
