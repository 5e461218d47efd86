import { me, refresh } from '@sotto/api';
import { listRevocations, noteTokenUses } from '@sotto/api/internal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Caller,
  INTERNAL_SECRET,
  openPlatform,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start();
});
afterAll(() => platform.close());

let names = 0;
const account = () => auth.register(`Refresher${++names}`);
const later = (seconds: number) => {
  platform.time.now += seconds * 1000;
};
const refused = async (refreshToken: string) => {
  const problem = await auth.problem(refresh, { body: { refreshToken } });
  expect(problem).toMatchObject({ code: 'auth.refresh-invalid', status: 401 });
};

test('50 parallel uses of one token over two processes give one successor', async () => {
  const other = await platform.start();
  const { refreshToken } = await account();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      (index % 2 === 0 ? auth : other).refresh(refreshToken),
    ),
  );
  expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
  expect(answers[0]?.refreshToken).not.toBe(refreshToken);
  await auth.refresh(answers[0]?.refreshToken ?? '');
});

test('a client that was killed before it saved the answer goes on a minute later', async () => {
  const { refreshToken } = await account();
  const unsaved = await auth.refresh(refreshToken);
  later(60);
  const restarted = await auth.refresh(refreshToken);
  expect(restarted.refreshToken).toBe(unsaved.refreshToken);
  expect((await auth.send(me, { token: `Bearer ${restarted.accessToken}` })).status).toBe(200);
  later(900);
  const next = await auth.refresh(restarted.refreshToken);
  expect((await auth.send(me, { token: `Bearer ${next.accessToken}` })).status).toBe(200);
});

test('a client that lost the answer gets the same successor days later', async () => {
  const { refreshToken } = await account();
  const lost = await auth.refresh(refreshToken);
  later(3 * 86_400);
  expect((await auth.refresh(refreshToken)).refreshToken).toBe(lost.refreshToken);
});

test('a predecessor is good for ten seconds after its successor was first used', async () => {
  const first = await account();
  const second = await auth.refresh(first.refreshToken);
  later(60);
  const third = await auth.refresh(second.refreshToken);
  later(9);
  expect((await auth.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
  expect((await auth.refresh(second.refreshToken)).refreshToken).toBe(third.refreshToken);
});

test('reuse after that kills the family, and tells other services', async () => {
  const first = await account();
  const second = await auth.refresh(first.refreshToken);
  const third = await auth.refresh(second.refreshToken);
  later(11);
  await refused(first.refreshToken);
  await refused(third.refreshToken);
  await refused(second.refreshToken);
  expect((await auth.send(me, { token: `Bearer ${third.accessToken}` })).status).toBe(401);
  const { body } = await auth.send(listRevocations, { token: `Service ${INTERNAL_SECRET}` });
  const sessions = listRevocations.response.parse(body).revocations.map(({ session }) => session);
  expect(sessions).toContain(first.session);
});

test('each use is counted, by whether it came in its time', async () => {
  const counted = await platform.start();
  const first = await counted.register(`Refresher${++names}`);
  const second = await counted.refresh(first.refreshToken);
  await counted.refresh(second.refreshToken);
  expect(await usesOf(counted)).toEqual({ ok: 2, reused: 0 });
  later(11);
  const body = { refreshToken: first.refreshToken };
  await counted.problem(refresh, { body });
  expect(await usesOf(counted)).toEqual({ ok: 2, reused: 1 });
  // The session is over: what its tokens still ask for is no news, and made-up ones never were.
  await counted.problem(refresh, { body });
  await counted.problem(refresh, { body: { refreshToken: 'made-up' } });
  expect(await usesOf(counted)).toEqual({ ok: 2, reused: 1 });
});

async function usesOf({ fetch }: Caller): Promise<Record<string, number>> {
  const text = await (await fetch(new Request('http://auth/metrics'))).text();
  const lines = text.matchAll(/^sotto_refreshes_total\{outcome="(\w+)"[^}]*\} (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, outcome, uses]) => [outcome, Number(uses)]));
}

test('using the access token that came with the successor ends the predecessor too', async () => {
  const first = await account();
  const second = await auth.refresh(first.refreshToken);
  expect((await auth.send(me, { token: `Bearer ${second.accessToken}` })).status).toBe(200);
  later(9);
  expect((await auth.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
  later(2);
  await refused(first.refreshToken);
  await refused(second.refreshToken);
});

/** As another service tells it. */
const tell = async (...uses: object[]) => {
  const token = `Service ${INTERNAL_SECRET}`;
  expect((await auth.send(noteTokenUses, { token, body: { uses } })).status).toBe(204);
};

test('a use that another service saw counts from then on, however often it is told', async () => {
  const first = await account();
  const second = await auth.refresh(first.refreshToken);
  const { session } = first;
  later(5);
  await tell({ session, generation: 1, ageMs: 2_000 });
  later(7);
  await tell({ session, generation: 1, ageMs: 0 });
  expect((await auth.refresh(first.refreshToken)).refreshToken).toBe(second.refreshToken);
  later(2);
  await tell({ session, generation: 1, ageMs: 0 });
  await refused(first.refreshToken);
  await refused(second.refreshToken);
});

test('what is told of old and of made-up tokens and sessions changes nothing', async () => {
  const first = await account();
  const second = await auth.refresh(first.refreshToken);
  const third = await auth.refresh(second.refreshToken);
  const ended = await account();
  await auth.refresh((await auth.refresh(ended.refreshToken)).refreshToken);
  later(11);
  await refused(ended.refreshToken);
  await tell(
    { session: first.session, generation: 1, ageMs: 0 },
    { session: first.session, generation: 9, ageMs: 0 },
    { session: ended.session, generation: 2, ageMs: 0 },
    { session: crypto.randomUUID(), generation: 1, ageMs: 0 },
  );
  later(60);
  expect((await auth.refresh(second.refreshToken)).refreshToken).toBe(third.refreshToken);
});

test('uses are taken from services alone', async () => {
  const { accessToken, session } = await account();
  const body = { uses: [{ session, generation: 1, ageMs: 0 }] };
  const call = { token: `Bearer ${accessToken}`, body };
  expect(await auth.problem(noteTokenUses, call)).toMatchObject({ code: 'auth.token-invalid' });
});

test('a token ends when its life is over, and each renewal begins another', async () => {
  const { refreshToken } = await account();
  later(700 * 3600);
  const next = await auth.refresh(refreshToken);
  later(700 * 3600);
  const last = await auth.refresh(next.refreshToken);
  later(721 * 3600);
  await refused(last.refreshToken);
});

test('a forged token is refused and ends nothing', async () => {
  const { refreshToken, accessToken } = await account();
  const bytes = Buffer.from(refreshToken, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await refused(changed.toString('base64url'));
  }
  for (const text of ['x', accessToken.slice(0, 512), refreshToken.slice(1), `${refreshToken}A`]) {
    await refused(text);
  }
  await auth.refresh(refreshToken);
});

test('a new secret in front leaves old tokens good; the old secret dropped ends them', async () => {
  const { refreshToken } = await account();
  const old = 'refresh-secret-of-the-tests-0123456789';
  const fresh = 'another-refresh-secret-0123456789-abcdef';
  const both = await platform.start(testConfig({ jwt: { refreshTokenSecret: [fresh, old] } }));
  const next = await both.refresh(refreshToken);
  const alone = await platform.start(testConfig({ jwt: { refreshTokenSecret: [fresh] } }));
  const problem = await alone.problem(refresh, { body: { refreshToken } });
  expect(problem.code).toBe('auth.refresh-invalid');
  await alone.refresh(next.refreshToken);
});
