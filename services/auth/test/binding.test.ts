import { randomUUID } from 'node:crypto';
import {
  addDevice,
  type EndpointSpec,
  encodeBase64url,
  Login,
  listSessions,
  login,
  loginByDevice,
  me,
  type Problem,
  refresh,
  revokeDevice,
  Tokens,
} from '@sotto/api';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeviceKeyCaller, type SignedCall } from './bound.fixture.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start(
    testConfig({ limits: { challengePerMinute: 10_000, userPerMinute: 10_000 } }),
  );
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Bound${++names}`;
const freshKey = () => new DeviceKeyCaller(auth, () => platform.time.now);

/** Sends a request that is signed by a key. */
function signed(endpoint: EndpointSpec, { key, ...call }: SignedCall & { key: DeviceKeyCaller }) {
  return key.send(endpoint, call);
}

const codeOf = ({ body }: { body: unknown }) => (body as Problem).code;

describe('a bound session', () => {
  test('says in its tokens which key it is bound to, and when its owner last showed who they are', async () => {
    const key = freshKey();
    const account = await key.register(freshName());
    const claims = decodeJwt(account.accessToken);
    const registeredAt = Math.floor(platform.time.now / 1000);
    expect(claims).toMatchObject({ cnf: { jkt: key.key.thumbprint }, auth_time: registeredAt });
    platform.time.now += 600_000;
    const body = { refreshToken: account.refreshToken };
    const renewed = Tokens.parse((await signed(refresh, { key, body })).body);
    expect(decodeJwt(renewed.accessToken)).toMatchObject({
      cnf: { jkt: key.key.thumbprint },
      auth_time: registeredAt,
    });
    const { body: listed } = await auth.send(listSessions, {
      token: `Bearer ${renewed.accessToken}`,
    });
    expect(listSessions.response.parse(listed).sessions).toMatchObject([{ bound: true }]);
  });

  test('is not renewed without its key, and nothing is used up by trying', async () => {
    const key = freshKey();
    const account = await key.register(freshName());
    const first = { refreshToken: account.refreshToken };
    expect(await auth.problem(refresh, { body: first })).toMatchObject({
      code: 'auth.proof-missing',
      status: 401,
    });
    expect(codeOf(await signed(refresh, { key: freshKey(), body: first }))).toBe(
      'auth.proof-invalid',
    );
    const second = Tokens.parse((await signed(refresh, { key, body: first })).body);
    const third = Tokens.parse(
      (await signed(refresh, { key, body: { refreshToken: second.refreshToken } })).body,
    );
    // A stolen token that was used long ago ends the session in the hands of its key alone.
    platform.time.now += 60_000;
    expect(await auth.problem(refresh, { body: first })).toMatchObject({
      code: 'auth.proof-missing',
    });
    const body = { refreshToken: third.refreshToken };
    expect((await signed(refresh, { key, body })).status).toBe(200);
  });

  test('changes devices with a proof only; reads without one go on', async () => {
    const key = freshKey();
    const { accessToken: token } = await key.register(freshName());
    const bearer = { token: `Bearer ${token}` };
    const body = { deviceKey: encodeBase64url(freshKey().key.publicKey) };
    expect((await auth.send(me, bearer)).status).toBe(200);
    expect(await auth.problem(addDevice, { ...bearer, body })).toMatchObject({
      code: 'auth.proof-missing',
    });
    expect((await signed(addDevice, { key, token, body })).status).toBe(201);
  });

  test('takes no proof of another request, time, place, token or key, and none twice', async () => {
    const key = freshKey();
    const { accessToken: token } = await key.register(freshName());
    const other = await freshKey().register(freshName());
    const seconds = Math.floor(platform.time.now / 1000);
    await signed(me, { key, token });
    const wrong: Record<string, Parameters<typeof signed>[1]> = {
      'another method': { key, token, claims: { htm: 'POST' } },
      'another path': { key, token, claims: { htu: 'http://auth/api/v1/auth/sessions' } },
      'another origin': { key, token, origin: 'https://elsewhere.example' },
      'a time too long ago': { key, token, claims: { iat: seconds - 31 } },
      'a time too far ahead': { key, token, claims: { iat: seconds + 31 } },
      'another token': { key, token, claims: { ath: 'A'.repeat(43) } },
      'no token': { key, token, claims: { ath: undefined } },
      'another key': { key: freshKey(), token },
      'another kind': { key, token, header: { typ: 'JWT' } },
      'another algorithm': { key, token, header: { alg: 'none' } },
      'no id': { key, token, claims: { jti: undefined } },
    };
    for (const [name, call] of Object.entries(wrong)) {
      expect([name, codeOf(await signed(me, call))]).toEqual([name, 'auth.proof-invalid']);
    }
    expect(codeOf(await signed(me, { key, token, nonce: 'guessed' }))).toBe('auth.proof-nonce');
    const claims = { jti: randomUUID() };
    expect((await signed(me, { key, token, claims })).status).toBe(200);
    expect(codeOf(await signed(me, { key, token, claims }))).toBe('auth.proof-invalid');
    expect((await signed(me, { key, token: other.accessToken })).status).toBe(401);
  });
});

describe('a session that is not bound', () => {
  test('needs no proof, and a proof does not bind it later', async () => {
    const account = await auth.register(freshName());
    const key = freshKey();
    const body = { refreshToken: account.refreshToken };
    const renewed = Tokens.parse((await signed(refresh, { key, body })).body);
    expect(decodeJwt(renewed.accessToken).cnf).toBeUndefined();
    expect((await auth.refresh(renewed.refreshToken)).accessToken).toBeDefined();
  });
});

describe('the key of a device', () => {
  test('is taken from the first proof, and a log-in with it is bound', async () => {
    const username = freshName();
    const { device } = await auth.register(username);
    const key = freshKey();
    const body = { username, password: PASSWORD, device };
    const bound = Login.parse((await signed(login, { key, body })).body);
    expect(bound.device).toBe(device);
    expect(decodeJwt(bound.accessToken)).toMatchObject({ cnf: { jkt: key.key.thumbprint } });
  });

  test('is neither replaced nor passed by with a password; whoever lost it gets a new device', async () => {
    const username = freshName();
    const key = freshKey();
    const account = await key.register(username);
    const body = { username, password: PASSWORD, device: account.device };
    expect(await auth.problem(login, { body })).toMatchObject({ code: 'auth.proof-missing' });
    expect(codeOf(await signed(login, { key: freshKey(), body }))).toBe('auth.device-unknown');
    // Nothing of that ended the session that there is.
    expect((await auth.send(me, { token: `Bearer ${account.accessToken}` })).status).toBe(200);
    const renewed = Login.parse(
      (await signed(login, { key: freshKey(), body: { username, password: PASSWORD } })).body,
    );
    expect(renewed.device).not.toBe(account.device);
    expect(Login.parse((await signed(login, { key, body })).body).device).toBe(account.device);
  });

  test('brings a client that lost the answer back to its device', async () => {
    const username = freshName();
    const key = freshKey();
    const account = await key.register(username);
    const body = { username, password: PASSWORD };
    const again = Login.parse((await signed(login, { key, body })).body);
    expect(again.device).toBe(account.device);
    expect(again.session).not.toBe(account.session);
  });
});

describe('logging in by challenge', () => {
  test('opens a session without a password, bound to the key', async () => {
    const key = freshKey();
    const account = await key.register(freshName());
    const body = await key.answerFor(account.device);
    const opened = Login.parse((await signed(loginByDevice, { key, body })).body);
    expect(opened).toMatchObject({
      user: account.user,
      device: account.device,
      username: account.username,
    });
    const claims = decodeJwt(opened.accessToken);
    expect(claims).toMatchObject({ cnf: { jkt: key.key.thumbprint } });
    // Nobody has given a password, and what wants a fresh one must not take this for it.
    expect(claims).not.toHaveProperty('auth_time');
    const refreshed = { body: { refreshToken: opened.refreshToken } };
    expect(await auth.problem(refresh, refreshed)).toMatchObject({ code: 'auth.proof-missing' });
    // One device keeps one session.
    expect((await auth.send(me, { token: `Bearer ${account.accessToken}` })).status).toBe(401);
  });

  test('takes no answer without a proof of the key, and none with a proof for another platform', async () => {
    const key = freshKey();
    const { device, accessToken } = await key.register(freshName());
    const body = await key.answerFor(device);
    expect(await auth.problem(loginByDevice, { body })).toMatchObject({
      code: 'auth.proof-missing',
    });
    const stranger = await key.answerFor(randomUUID() as Login['device']);
    expect(await auth.problem(loginByDevice, { body: stranger })).toMatchObject({
      code: 'auth.proof-missing',
    });
    // Whoever has a challenge of ours signed for a platform of their own gets a proof for that one.
    const origin = 'https://elsewhere.example.org';
    expect(codeOf(await signed(loginByDevice, { key, body, origin }))).toBe('auth.proof-invalid');
    expect((await auth.send(me, { token: `Bearer ${accessToken}` })).status).toBe(200);
    // Neither used the challenge up.
    expect((await signed(loginByDevice, { key, body })).status).toBe(200);
  });

  test('works for a device that was added by another one', async () => {
    const key = freshKey();
    const account = await key.register(freshName());
    const linkedKey = freshKey();
    const body = { deviceKey: encodeBase64url(linkedKey.key.publicKey) };
    const added = await signed(addDevice, { key, token: account.accessToken, body });
    const { device } = addDevice.response.parse(added.body);
    const answer = await linkedKey.answerFor(device);
    const linked = Login.parse(
      (await signed(loginByDevice, { key: linkedKey, body: answer })).body,
    );
    expect(linked).toMatchObject({ user: account.user, device });
  });

  test('takes a challenge once, of many at the same time too', async () => {
    const key = freshKey();
    const { device } = await key.register(freshName());
    const body = await key.answerFor(device);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => signed(loginByDevice, { key, body })),
    );
    const taken = answers.filter(({ status }) => status === 200);
    expect(taken).toHaveLength(1);
    for (const answer of answers) {
      if (answer !== taken[0]) expect(codeOf(answer)).toBe('auth.challenge-wrong');
    }
  });

  test('takes no challenge after a minute', async () => {
    const key = freshKey();
    const { device } = await key.register(freshName());
    const body = await key.answerFor(device);
    platform.time.now += 60_001;
    expect(codeOf(await signed(loginByDevice, { key, body }))).toBe('auth.challenge-wrong');
  });

  test('fails alike for an unknown device, one without a key, a retired one, and a wrong signature', async () => {
    const key = freshKey();
    const bound = await key.register(freshName());
    const keyless = await auth.register(freshName());
    const other = await freshKey().register(freshName());
    const retiredKey = freshKey();
    const retired = await retiredKey.register(freshName());
    const revoke = {
      ...revokeDevice,
      path: revokeDevice.path.replace('{device_id}', retired.device),
    };
    const revoked = await signed(revoke, { key: retiredKey, token: retired.accessToken });
    expect(revoked.status).toBe(204);
    const unknown = crypto.randomUUID() as Login['device'];
    const bodies = [
      await key.answerFor(unknown),
      await key.answerFor(keyless.device),
      await retiredKey.answerFor(retired.device),
      await key.answerFor(other.device),
      {
        ...(await key.answerFor(bound.device)),
        challenge: (await key.answerFor(other.device)).challenge,
      },
      { ...(await key.answerFor(bound.device)), challenge: 'A'.repeat(43) },
      { ...(await key.answerFor(bound.device)), signature: 'A'.repeat(86) },
    ];
    const answers = await Promise.all(bodies.map((body) => signed(loginByDevice, { key, body })));
    for (const answer of answers) {
      answer.headers.delete('x-request-id');
      expect(answer).toMatchObject({
        status: 401,
        body: { ...(answers[0]?.body as Problem), instance: expect.anything() },
      });
      expect([...answer.headers]).toEqual([...(answers[0]?.headers ?? [])]);
    }
  });

  test('takes no proof by another key than the device’s', async () => {
    const key = freshKey();
    const { device } = await key.register(freshName());
    const body = await key.answerFor(device);
    expect(codeOf(await signed(loginByDevice, { key: freshKey(), body }))).toBe(
      'auth.proof-invalid',
    );
  });
});
