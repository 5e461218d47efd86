import {
  addDevice,
  encodeBase64url,
  type Login,
  login,
  me,
  openChallenge,
  recover,
  register,
} from '@sotto/api';
import { openRedisCounters } from '@sotto/runtime';
import { testRedis } from '@sotto/runtime/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DeviceKeyCaller } from './bound.fixture.ts';
import {
  type Caller,
  openPlatform,
  PASSWORD,
  type TestPlatform,
  testConfig,
} from './platform.fixture.ts';

let platform: TestPlatform;

beforeAll(async () => {
  platform = await openPlatform();
});
afterAll(() => platform.close());

let names = 0;
const freshName = () => `Guessed${++names}`;
/** Addresses of nobody, one after the other (RFC 5737). */
let addresses = 0;
const freshSource = () => `198.51.100.${++addresses}`;
const WRONG = 'Wrong-passw0rd';

interface Try {
  username: string;
  from: string;
  device?: Login['device'];
}

const fail = (auth: Caller, { username, from, device }: Try) => {
  return auth.problem(login, { body: { username, password: WRONG, device }, from });
};
const succeed = (auth: Caller, { username, from, device }: Try) => {
  return auth.send(login, { body: { username, password: PASSWORD, device }, from });
};
const metric = async (auth: Caller, line: string) => {
  const text = await (await auth.fetch(new Request('http://auth/metrics'))).text();
  const found = text.split('\n').find((one) => one.startsWith(line));
  return Number(found?.split(' ').at(-1) ?? 0);
};
const locksOf = async (username: string): Promise<number> => {
  const { rows } = await platform.database.pool.query(
    `select count(*)::int as locks from audit_log where action = 'login.locked'
      and user_id = (select id from users where username = $1)`,
    [username],
  );
  return rows[0].locks;
};

describe('wrong passwords', () => {
  test('lock the account for where they came from, and the lock opens by itself', async () => {
    const auth = await platform.start(testConfig({ limits: { loginLock: '1s' } }));
    const username = freshName();
    await auth.register(username);
    const from = freshSource();
    for (let failure = 0; failure < 5; failure++) {
      expect(await fail(auth, { username, from })).toMatchObject({ status: 401 });
    }
    expect((await succeed(auth, { username, from })).status).toBe(429);
    expect((await succeed(auth, { username, from: freshSource() })).status).toBe(200);
    await vi.waitFor(async () => {
      expect((await succeed(auth, { username, from })).status).toBe(200);
    }, 20_000);
    const text = 'sotto_lockouts_total';
    expect(await metric(auth, text)).toBe(1);
    expect(await metric(auth, 'sotto_logins_total{by="password",outcome="failed"')).toBe(5);
    expect(await locksOf(username)).toBe(1);
  });

  test('that come all at once, over two processes, lock once and are noted as one lock', async () => {
    const processes = [await platform.start(), await platform.start()] as const;
    const username = freshName();
    await processes[0].register(username);
    const from = freshSource();
    const burst = Array.from({ length: 20 }, (_, index) => {
      return fail(processes[index % 2 === 0 ? 0 : 1], { username, from });
    });
    const answers = await Promise.all(burst);
    expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(5);
    const metrics = processes.map((auth) => metric(auth, 'sotto_lockouts_total'));
    expect((await Promise.all(metrics)).reduce((sum, value) => sum + value)).toBe(1);
    expect(await locksOf(username)).toBe(1);
  });

  test('keep their victim out of nothing that it has: its session, and its device at the same address', async () => {
    const auth = await platform.start();
    const username = freshName();
    const victim = new DeviceKeyCaller(auth, () => platform.time.now);
    const account = await victim.register(username);
    const from = freshSource();
    const { device } = account;
    // Ids of devices are known to everybody who writes to a person: without the key one is worth nothing.
    for (let failure = 0; failure < 5; failure++) await fail(auth, { username, from, device });
    expect(await fail(auth, { username, from, device })).toMatchObject({ code: 'rate.limited' });
    expect((await auth.send(me, { token: `Bearer ${account.accessToken}` })).status).toBe(200);
    const body = { username, password: PASSWORD, device };
    const again = await victim.send(login, { body, from });
    expect(again.status).toBe(200);
    expect((await victim.logInByChallenge(device, from)).status).toBe(200);
  });

  test('are not counted apart for a device that has no key: to know its id is to know nothing', async () => {
    const auth = await platform.start();
    const username = freshName();
    const { device } = await auth.register(username);
    const from = freshSource();
    for (let failure = 0; failure < 5; failure++) await fail(auth, { username, from });
    expect(await fail(auth, { username, from, device })).toMatchObject({ code: 'rate.limited' });
    // Nor are they left out of what slows the account down.
    for (let failure = 0; failure < 15; failure++) {
      await fail(auth, { username, from: freshSource(), device });
    }
    await succeed(auth, { username, from: freshSource(), device });
    expect(await metric(auth, 'sotto_logins_slowed_total')).toBeGreaterThanOrEqual(1);
  });

  test('for many accounts from one address end its tries for all of them', async () => {
    const auth = await platform.start(testConfig({ limits: { loginFailuresPerSource: 8 } }));
    const username = freshName();
    await auth.register(username);
    const from = freshSource();
    for (let failure = 0; failure < 8; failure++) await fail(auth, { username: freshName(), from });
    expect((await succeed(auth, { username, from })).status).toBe(429);
    expect((await succeed(auth, { username, from: freshSource() })).status).toBe(200);
  });

  test('of somebody else behind its address end no tries of a device that shows its key, but its own do', async () => {
    const auth = await platform.start(testConfig({ limits: { loginFailuresPerSource: 8 } }));
    const username = freshName();
    const known = new DeviceKeyCaller(auth, () => platform.time.now);
    const { device } = await known.register(username);
    const from = freshSource();
    for (let failure = 0; failure < 8; failure++) await fail(auth, { username: freshName(), from });
    const right = { username, password: PASSWORD, device };
    expect(await auth.problem(login, { body: right, from })).toMatchObject({
      code: 'rate.limited',
    });
    expect((await known.send(login, { body: right, from })).status).toBe(200);
    for (let failure = 0; failure < 5; failure++) {
      const wrong = await known.send(login, { body: { ...right, password: WRONG }, from });
      expect(wrong.body).toMatchObject({ code: 'auth.credentials-wrong' });
    }
    expect((await known.send(login, { body: right, from })).status).toBe(429);
  });

  test('for one account from many addresses make tries take turns, and nobody else waits', async () => {
    const auth = await platform.start();
    const username = freshName();
    const owner = new DeviceKeyCaller(auth, () => platform.time.now);
    const { device } = await owner.register(username);
    const other = freshName();
    await auth.register(other);
    for (let failure = 0; failure < 20; failure++) {
      expect(await fail(auth, { username, from: freshSource() })).toMatchObject({ status: 401 });
    }
    let isOver = false;
    const guesses = Array.from({ length: 12 }, () => fail(auth, { username, from: freshSource() }));
    const answers = Promise.all(guesses).finally(() => {
      isOver = true;
    });
    const known = owner.send(login, {
      body: { username, password: PASSWORD, device },
      from: freshSource(),
    });
    expect((await known).status).toBe(200);
    expect((await succeed(auth, { username: other, from: freshSource() })).status).toBe(200);
    expect(isOver).toBe(false);
    const codes = (await answers).map(({ code }) => code);
    const looked = codes.filter((code) => code === 'auth.credentials-wrong').length;
    expect(looked).toBeGreaterThanOrEqual(1);
    expect(looked).toBeLessThanOrEqual(4);
    expect(codes.filter((code) => code === 'rate.limited')).toHaveLength(12 - looked);
    // The owner, who lost every device, waits like everybody and gets in.
    await vi.waitFor(
      async () => {
        expect((await succeed(auth, { username, from: freshSource() })).status).toBe(200);
      },
      { timeout: 10_000 },
    );
    expect(await metric(auth, 'sotto_logins_slowed_total')).toBeGreaterThanOrEqual(13);
  });
});

describe('new devices', () => {
  test('of one account are so many in a day, however they come, and old ones log in all the same', async () => {
    const auth = await platform.start(testConfig({ limits: { newDevicesPerDay: 3 } }));
    const username = freshName();
    const owner = new DeviceKeyCaller(auth, () => platform.time.now);
    const { body } = await owner.send(register, { body: { username, password: PASSWORD } });
    const account = register.response.parse(body);
    const right = { username, password: PASSWORD };
    await auth.login(right);
    const token = account.accessToken;
    const linked = {
      deviceKey: encodeBase64url(new DeviceKeyCaller(auth, Date.now).key.publicKey),
    };
    expect((await owner.send(addDevice, { token, body: linked })).status).toBe(addDevice.status);
    const refused = await auth.problem(login, { body: right });
    expect(refused).toMatchObject({ code: 'rate.limited', retryAfter: 24 * 3600 });
    const another = new DeviceKeyCaller(auth, Date.now).key.publicKey;
    const adding = await owner.send(addDevice, {
      token,
      body: { deviceKey: encodeBase64url(another) },
    });
    expect(adding.body).toMatchObject({ code: 'rate.limited' });
    const { device } = account;
    expect((await owner.send(login, { body: { ...right, device } })).status).toBe(200);
    // The owner, who lost every device, still has the code.
    const newPassword = 'Another-h0rse';
    const recovery = { username, recoveryCode: account.recoveryCode, newPassword };
    expect((await auth.send(recover, { body: recovery })).status).toBe(200);
    platform.time.now += 24 * 3_600_000;
    await auth.login({ username, password: newPassword });
  });
});

describe('wrong recovery codes', () => {
  const guess = (username: string) => ({
    username,
    recoveryCode: 'nonsense',
    newPassword: 'Another-h0rse',
  });

  test('count for where they come from as wrong passwords do, of many at once too, and spare a known device', async () => {
    const auth = await platform.start(testConfig({ limits: { loginFailuresPerSource: 8 } }));
    const username = freshName();
    const known = new DeviceKeyCaller(auth, () => platform.time.now);
    const { status, body } = await known.send(register, { body: { username, password: PASSWORD } });
    expect(status).toBe(201);
    const { device, recoveryCode } = register.response.parse(body);
    const from = freshSource();
    const tries = Array.from({ length: 20 }, () => guess(freshName()));
    const codes = (
      await Promise.all(tries.map((one) => auth.problem(recover, { body: one, from })))
    )
      .map(({ code }) => code)
      .sort();
    expect(codes).toEqual([
      ...Array(8).fill('auth.recovery-wrong'),
      ...Array(12).fill('rate.limited'),
    ]);
    expect((await succeed(auth, { username, from })).status).toBe(429);
    const right = { ...guess(username), recoveryCode, device };
    expect(await auth.problem(recover, { body: right, from })).toMatchObject({
      code: 'rate.limited',
    });
    expect((await known.send(recover, { body: right, from })).status).toBe(200);
  });

  test('cost a right code nothing', async () => {
    const auth = await platform.start(testConfig({ limits: { loginFailuresPerSource: 1 } }));
    const from = freshSource();
    for (let round = 0; round < 3; round++) {
      const username = freshName();
      const { body } = await auth.send(register, { body: { username, password: PASSWORD } });
      const { recoveryCode } = register.response.parse(body);
      const sent = await auth.send(recover, { body: { ...guess(username), recoveryCode }, from });
      expect(sent.status).toBe(200);
    }
  });

  test('from many addresses leave no more than some rows for one account', async () => {
    const auth = await platform.start();
    const username = freshName();
    const { user } = await auth.register(username);
    for (let failure = 0; failure < 30; failure++) {
      const problem = await auth.problem(recover, { body: guess(username), from: freshSource() });
      expect(problem).toMatchObject({ code: 'auth.recovery-wrong' });
    }
    const { rows } = await platform.database.pool.query(
      "select count(*)::int as notes from audit_log where action = 'login.failed' and user_id = $1",
      [user],
    );
    expect(rows).toEqual([{ notes: 20 }]);
    expect(await metric(auth, 'sotto_logins_total{by="recovery",outcome="failed"')).toBe(30);
  });
});

describe('tries to register', () => {
  const limits = { registerFailuresPerHour: 3, registerFailuresPerHourPrivate: 5 };

  test('by a name that is taken are counted for where they come from, and accounts are not', async () => {
    const auth = await platform.start(testConfig({ limits }));
    const username = freshName();
    await auth.register(username);
    const from = freshSource();
    const taken = { body: { username, password: PASSWORD }, from };
    for (let failure = 0; failure < 3; failure++) {
      const weak = { body: { username: freshName(), password: 'weak' }, from };
      expect(await auth.problem(register, weak)).toMatchObject({ code: 'auth.password-rule' });
      expect(await auth.problem(register, taken)).toMatchObject({ code: 'auth.username-taken' });
    }
    const other = { body: { username: freshName(), password: PASSWORD } };
    const refused = await auth.problem(register, { ...other, from });
    expect(refused).toMatchObject({ code: 'rate.limited' });
    expect((await auth.send(register, { ...other, from: freshSource() })).status).toBe(201);
  });

  test('by a wrong invitation are counted too, and more of them go from a private network', async () => {
    const registration = { mode: 'invite' };
    const auth = await platform.start(testConfig({ limits, registration }));
    const codes = [];
    for (let failure = 0; failure < 6; failure++) {
      const body = { username: freshName(), password: PASSWORD, invite: 'nonsense' };
      codes.push((await auth.problem(register, { body, from: '10.1.2.3' })).code);
    }
    expect(codes).toEqual([...Array(5).fill('auth.invite-wrong'), 'rate.limited']);
  });
});

describe('one budget over three processes with one Redis', () => {
  let processes: Caller[];

  beforeAll(async () => {
    const corner = testRedis();
    const limits = { challengePerMinute: 10, registerPerHourPrivate: 10 };
    // Here all that is sent at once shares one event loop, which may be slower than Redis is allowed to be.
    const shared = { ...corner, deadlineMs: 30_000 };
    const all = await Promise.all([1, 2, 3].map(() => openRedisCounters(shared)));
    processes = await Promise.all(
      all.map((counters) => platform.start(testConfig({ limits }), { counters })),
    );
    return async () => {
      await Promise.all(all.map((counters) => counters.close()));
    };
  });

  test('lets exactly 10 of 500 parallel requests through', async () => {
    const device = crypto.randomUUID();
    const from = freshSource();
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        (processes[index % 3] as Caller).send(openChallenge, { body: { device }, from }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(490);
    const refused = answers.find(({ status }) => status === 429);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused?.headers.get('ratelimit-limit')).toBe('10');
    expect(refused?.headers.get('ratelimit-remaining')).toBe('0');
  });

  test('lets exactly 10 of 30 parallel registrations make an account', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (processes[index % 3] as Caller).send(register, {
          body: { username: freshName(), password: PASSWORD },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
  });

  test('counts failures wherever they happen', async () => {
    const username = freshName();
    const from = freshSource();
    for (let failure = 0; failure < 5; failure++) {
      await fail(processes[failure % 3] as Caller, { username, from });
    }
    for (const one of processes) {
      expect(await fail(one, { username, from })).toMatchObject({ code: 'rate.limited' });
    }
  });
});
