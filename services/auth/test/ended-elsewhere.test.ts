/** Devices whose sessions somebody else has ended: their keys alone bring none of them back. */
import {
  changePassword,
  type EndpointSpec,
  endSession,
  Login,
  listSessions,
  login,
  loginByDevice,
  logout,
  logoutEverywhere,
  me,
  type Problem,
  recover,
  refresh,
  register,
} from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeviceKeyCaller } from './bound.fixture.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

const NEW_PASSWORD = 'Another-h0rse';

let platform: TestPlatform;
let auth: Caller;

beforeAll(async () => {
  platform = await openPlatform();
  auth = await platform.start(testConfig({ limits: { challengePerMinute: 1_000 } }));
});
afterAll(() => platform.close());

let names = 0;

/** An account with two devices that have keys. */
async function twoDevices() {
  const username = `Wanderer${++names}`;
  const own = new DeviceKeyCaller(auth, () => platform.time.now);
  const registered = await own.send(register, { body: { username, password: PASSWORD } });
  const { recoveryCode, ...account } = register.response.parse(registered.body);
  const other = new DeviceKeyCaller(auth, () => platform.time.now);
  const second = await logIn(other, { username, password: PASSWORD });
  return { username, recoveryCode, own, account: account as Login, other, second };
}

async function logIn(device: DeviceKeyCaller, body: object): Promise<Login> {
  const answer = await device.send(login, { body });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  return Login.parse(answer.body);
}

async function codeOfChallenge(device: DeviceKeyCaller, { device: id }: Login): Promise<string> {
  const answer = await device.logInByChallenge(id);
  return answer.status === 200 ? 'in' : (answer.body as Problem).code;
}

async function act(
  device: DeviceKeyCaller,
  endpoint: EndpointSpec,
  call: { token: string; body?: unknown },
): Promise<void> {
  const answer = await device.send(endpoint, call);
  if (answer.status !== 204) throw new Error(JSON.stringify(answer.body));
}

const endpointFor = (session: string) => {
  return { ...endSession, path: endSession.path.replace('{session_id}', session) };
};

test.each(['ended alone', 'ended with all', 'ended by another password'])(
  'a device whose session was %s comes back by a password, and by its key after that',
  async (how) => {
    const { username, own, account, other, second } = await twoDevices();
    const token = account.accessToken;
    let password = PASSWORD;
    if (how === 'ended alone') await act(own, endpointFor(second.session), { token });
    else if (how === 'ended with all') await act(own, logoutEverywhere, { token });
    else {
      password = NEW_PASSWORD;
      const body = { currentPassword: PASSWORD, newPassword: password };
      await act(own, changePassword, { token, body });
    }
    expect(await codeOfChallenge(other, second)).toBe('auth.challenge-wrong');
    expect(await codeOfChallenge(other, second)).toBe('auth.challenge-wrong');
    // Whoever did it is not shut out of anything.
    expect(await codeOfChallenge(own, account)).toBe('in');
    // A password without the key brings nobody back to this device, and opens nothing for its key.
    const keyless = { body: { username, password, device: second.device } };
    expect(await auth.problem(login, keyless)).toMatchObject({ code: 'auth.proof-missing' });
    expect(await codeOfChallenge(other, second)).toBe('auth.challenge-wrong');
    const back = await logIn(other, { username, password, device: second.device });
    expect(back.device).toBe(second.device);
    expect(await codeOfChallenge(other, second)).toBe('in');
  },
);

test('a refusal looks like that of a device that is not there, and uses the challenge up', async () => {
  const { username, own, account, other, second } = await twoDevices();
  const stranger = { ...second, device: crypto.randomUUID() as Login['device'] };
  await act(own, logoutEverywhere, { token: account.accessToken });
  const answers = [
    await other.logInByChallenge(second.device),
    await other.logInByChallenge(stranger.device),
  ];
  const [refused, unknown] = answers.map(({ status, headers, body }) => {
    const { instance: _, ...problem } = body as Problem;
    return { status, headers: [...headers.keys()], problem };
  });
  expect(refused).toEqual(unknown);
  const { answer, send } = await keptAnswer(other, second);
  expect(await send(answer)).toBe('auth.challenge-wrong');
  await logIn(other, { username, password: PASSWORD, device: second.device });
  expect(await send(answer)).toBe('auth.challenge-wrong');
});

test('who had logged out before all were logged out is out too', async () => {
  const { own, account, other, second } = await twoDevices();
  await act(other, logout, { token: second.accessToken });
  await act(own, logoutEverywhere, { token: account.accessToken });
  expect(await codeOfChallenge(other, second)).toBe('auth.challenge-wrong');
});

test('a device comes back by its key after its own logout, and after its session ran out', async () => {
  const { other, second } = await twoDevices();
  await act(other, logout, { token: second.accessToken });
  const answer = await other.logInByChallenge(second.device);
  const again = Login.parse(answer.body);
  await act(other, endpointFor(again.session), { token: again.accessToken });
  expect(await codeOfChallenge(other, second)).toBe('in');
  platform.time.now += 721 * 3_600_000;
  expect(await codeOfChallenge(other, second)).toBe('in');
});

test('a recovery brings its own device back and keeps the others out', async () => {
  const { username, recoveryCode, own, account, other, second } = await twoDevices();
  await act(own, logoutEverywhere, { token: account.accessToken });
  const body = { username, recoveryCode, newPassword: NEW_PASSWORD, device: second.device };
  // A device that has another key is refused before the code is spent.
  const wrong = await own.send(recover, { body });
  expect(wrong.body).toMatchObject({ code: 'auth.device-unknown' });
  const recovered = await other.send(recover, { body });
  expect(recovered.body).toMatchObject({ device: second.device });
  expect(await codeOfChallenge(other, second)).toBe('in');
  expect(await codeOfChallenge(own, account)).toBe('auth.challenge-wrong');
});

test('a refresh token that is used after its time shuts the key out with the session', async () => {
  const { other, second } = await twoDevices();
  const renew = async (refreshToken: string) => {
    const { body } = await other.send(refresh, { body: { refreshToken } });
    return body as Login;
  };
  const next = await renew(second.refreshToken);
  await renew(next.refreshToken);
  platform.time.now += 11_000;
  expect(await renew(second.refreshToken)).toMatchObject({ code: 'auth.refresh-invalid' });
  expect(await codeOfChallenge(other, second)).toBe('auth.challenge-wrong');
});

test('of a log-out everywhere and a log-in by key at once, no session of the other device stays', async () => {
  for (let round = 0; round < 10; round++) {
    const { own, account, other, second } = await twoDevices();
    const { answer, send } = await keptAnswer(other, second);
    await Promise.all([send(answer), act(own, logoutEverywhere, { token: account.accessToken })]);
    const back = Login.parse((await own.logInByChallenge(account.device)).body);
    const listed = await auth.send(listSessions, { token: `Bearer ${back.accessToken}` });
    expect(listSessions.response.parse(listed.body).sessions).toHaveLength(1);
    expect((await auth.send(me, { token: `Bearer ${second.accessToken}` })).status).toBe(401);
  }
});

/** An answer to a challenge, and how to send it, as often as one likes. */
async function keptAnswer(device: DeviceKeyCaller, { device: id }: Login) {
  const answer = await device.answerFor(id);
  const send = async (body: typeof answer): Promise<string> => {
    const sent = await device.send(loginByDevice, { body });
    return sent.status === 200 ? 'in' : (sent.body as Problem).code;
  };
  return { answer, send };
}
