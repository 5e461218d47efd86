/** A database that says nothing, or holds what one caller wants: everybody else has an answer in time. */
import {
  countPrekeys,
  type EndpointSpec,
  getBundle,
  getBundles,
  getDeviceList,
  getIdentity,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
} from '@sotto/api';
import { createLogger, listen } from '@sotto/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createBundleClaims } from '../src/bundle-claims.ts';
import {
  identityOf,
  newOwner,
  type Owner,
  oneTimePrekeys,
  type Publisher,
  publisherOn,
  signedPrekey,
} from './owner.fixture.ts';
import { type Asker, newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;

beforeAll(async () => {
  // That the key log cannot grow either is no news here.
  platform = await startPlatform({ log: createLogger({ service: 'key', level: 'silent' }) });
  publish = publisherOn(platform);
});
afterAll(() => platform.close());

/** Two seconds are promised; this machine may be busy. What is not bounded takes ten. */
const SOON_MS = 5_000;

async function account(): Promise<Owner> {
  const owner = newOwner();
  await publish.all(owner, 5);
  return owner;
}

const byUser = ({ user }: Owner) => ({ params: { user_id: user } });

type Input = Parameters<Platform['call']>[2];

/** How a call ended, and after how long. */
async function timed(endpoint: EndpointSpec, asker: Asker, input: Input = {}) {
  const start = performance.now();
  const outcome = await platform.call(endpoint, asker, input).then(
    () => 'answered',
    (error: Error) => /"code":"([^"]+)"/.exec(error.message)?.[1] ?? error.message,
  );
  return { outcome, ms: performance.now() - start };
}

/** Statements of other sessions wait behind these until the function given back is called. */
async function hold(text: string, values: unknown[] = []): Promise<() => Promise<void>> {
  const holder = await platform.database.pool.connect();
  let isHeld = true;
  const release = async () => {
    if (isHeld) await holder.query('rollback');
    if (isHeld) holder.release();
    isHeld = false;
  };
  onTestFinished(release);
  await holder.query('begin');
  await holder.query(text, values);
  return release;
}

/** The connections of now say nothing any more, until the test ends. */
function fallSilent(): void {
  platform.wire.silence();
  onTestFinished(() => {
    platform.wire.cut();
    platform.wire.restore();
  });
}

async function prekeysLeft({ device }: Owner): Promise<number> {
  const { rows } = await platform.database.pool.query(
    'select from one_time_prekeys where device_id = $1',
    [device],
  );
  return rows.length;
}

test('every bundle that is asked for while the database is silent is answered in time', async () => {
  const owners = await Promise.all([account(), account()]);
  // Connections that are open when it falls silent.
  await Promise.all(owners.map((owner) => timed(getBundle, newDevice(), byUser(owner))));
  fallSilent();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      timed(getBundle, newDevice(), byUser(owners[index % 2] as Owner)),
    ),
  );
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(SOON_MS);
  expect(answers.map(({ outcome }) => outcome)).toContain('service.unavailable');
  const [owner] = owners;
  expect(await timed(getBundle, newDevice(), byUser(owner as Owner))).toMatchObject({
    outcome: 'answered',
  });
});

test('what may be asked for again is refused in time, and then done', async () => {
  const owner = await account();
  const release = await hold(
    'lock table identity_keys, devices, device_lists, one_time_prekeys in access exclusive mode',
  );
  const calls: [EndpointSpec, Input][] = [
    [getIdentity, byUser(owner)],
    [getDeviceList, byUser(owner)],
    [getBundle, byUser(newOwner())],
    [countPrekeys, {}],
    [publishIdentity, { body: identityOf(owner) }],
    [publishSignedPrekey, { body: signedPrekey(owner, 2) }],
    [publishOneTimePrekeys, { body: { prekeys: oneTimePrekeys(6, 5) } }],
  ];
  const answers = await Promise.all(
    calls.map(([endpoint, input]) => timed(endpoint, owner, input)),
  );
  expect(answers.map(({ outcome }) => outcome)).toEqual(calls.map(() => 'service.unavailable'));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(SOON_MS);
  await release();
  for (const [endpoint, input] of calls) {
    if (endpoint === getBundle) continue;
    expect(await timed(endpoint, owner, input)).toMatchObject({ outcome: 'answered' });
  }
});

test('locked prekeys of one user keep nobody from the bundles of others', async () => {
  const [locked, ...others] = await Promise.all(Array.from({ length: 12 }, account));
  if (locked === undefined) throw new Error('there is nobody');
  const release = await hold('select from one_time_prekeys where device_id = $1 for update', [
    locked.device,
  ]);
  const waiting = [1, 2].map(() => timed(getBundle, newDevice(), byUser(locked)));
  const together = [locked, ...others].map(({ user }) => user);
  const [answers, list] = await Promise.all([
    Promise.all(others.map((other) => timed(getBundle, newDevice(), byUser(other)))),
    platform.call(getBundles, newDevice(), { body: { users: together } }),
  ]);
  expect(answers.map(({ outcome }) => outcome)).toEqual(others.map(() => 'answered'));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(SOON_MS);
  expect(list.limited).toEqual([{ user: locked.user, retryAfter: 1 }]);
  expect(list.bundles).toHaveLength(others.length);
  for (const { outcome, ms } of await Promise.all(waiting)) {
    expect(outcome).toBe('service.unavailable');
    expect(ms).toBeLessThan(SOON_MS);
  }
  expect(await prekeysLeft(locked)).toBe(5);
  await release();
  await vi.waitFor(
    async () => {
      const { outcome } = await timed(getBundle, newDevice(), byUser(locked));
      expect(outcome).toBe('answered');
    },
    { timeout: SOON_MS },
  );
});

test('a claim that is given up before its turn takes nothing', async () => {
  const [busy, wanted] = await Promise.all([account(), account()]);
  const claims = createBundleClaims(platform.database);
  onTestFinished(() => claims.close());
  const release = await hold('select from one_time_prekeys where device_id = $1 for update', [
    busy.device,
  ]);
  const requestFor = ({ user }: Owner) => ({
    ...{ user, device: undefined, except: newDevice().device, takes: true },
  });
  // As many as may be under way at one time, so that whoever comes next has to wait.
  const underWay = [1, 2].map(() => claims.claim(requestFor(busy)));
  const leaving = new AbortController();
  const left = claims.claim(requestFor(wanted), leaving.signal);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'request.malformed' });
  await release();
  await Promise.allSettled(underWay);
  const [row] = await claims.claim(requestFor(wanted));
  expect(row?.one_time_id).toBe(1);
});

test('a caller who has gone uses up no prekey', async () => {
  const [busy, wanted] = await Promise.all([account(), account()]);
  const arrived: Request[] = [];
  const [answer] = platform.processes;
  const listening = await listen(
    {
      fetch(request, connection) {
        arrived.push(request);
        return answer(request, connection);
      },
    },
    { host: '127.0.0.1', port: 0 },
  );
  onTestFinished(() => listening.close());
  await Promise.all([1, 2].map(() => timed(getBundle, newDevice(), byUser(busy))));
  // As many as may be under way at one time, so that whoever comes next has to wait.
  fallSilent();
  const silent = [1, 2].map(() => timed(getBundle, newDevice(), byUser(busy)));
  const leaving = new AbortController();
  const left = timed(getBundle, newDevice(), {
    ...byUser(wanted),
    via: ({ url, headers }) =>
      fetch(`http://127.0.0.1:${listening.port}${new URL(url).pathname}`, {
        ...{ headers, signal: leaving.signal },
      }),
  });
  await vi.waitFor(() => expect(arrived).toHaveLength(1), 20_000);
  leaving.abort();
  await vi.waitFor(() => expect(arrived[0]?.signal.aborted).toBe(true), 20_000);
  await Promise.all([left, ...silent]);
  // A fetch that comes later is done only after all that came before.
  await timed(getBundle, newDevice(), byUser(busy));
  expect(await prekeysLeft(wanted)).toBe(5);
});
