/**
 * Strings that break software, in every text field of every operation: the platform takes them or refuses them, and
 * what it stores it gives back as it was. The list is minimaxir's; `vectors/SOURCES.md` says where it is from.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { endpoints, fromProblemHeaders, Problem } from '@sotto/api';
import { createClient, type Message, openMemoryStore } from '@sotto/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { textFields } from './text-fields.ts';

const STRINGS: readonly string[] = JSON.parse(
  readFileSync(new URL('vectors/blns.json', import.meta.url), 'utf8'),
);
const PASSWORD = 'Correct-horse-9';
const AT_ONCE = 16;

/** What limits are for is tested elsewhere; wrong passwords stay few, for each costs a hash. */
const MANY = '1000000';
const environment = {
  LIMITS_REGISTER_PER_HOUR_PRIVATE: MANY,
  LIMITS_USER_PER_MINUTE: MANY,
  LIMITS_SOURCE_PER_MINUTE: MANY,
  LIMITS_CHALLENGE_PER_MINUTE: MANY,
  LIMITS_KEY_LOG_READS_PER_MINUTE: MANY,
  LIMITS_SEND_BURST: MANY,
  LIMITS_SEND_PER_MINUTE_ALL: MANY,
};

let platform: Standalone;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  platform = await startStandalone({ environment });
});
afterAll(async () => {
  agent.destroy();
  await platform?.close();
});

interface Heard {
  status: number;
  type: string;
  text: string;
  /** What the problem is called, in the one place that answers to HEAD have for it. */
  code?: string | undefined;
}

/** Without a URL parser in between, which would tidy the path up. */
function ask(
  method: string,
  path: string,
  given: { body?: string | undefined; token?: string },
): Promise<Heard> {
  const { body, token } = given;
  const headers = {
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const { hostname, port } = new URL(platform.url);
  return new Promise((resolve, reject) => {
    const asked = request({ agent, hostname, port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('error', reject).on('end', () => {
        const { statusCode = 0, headers: got } = answer;
        const named = new Headers({ 'problem-code': String(got['problem-code']) });
        const code = fromProblemHeaders(named)?.code;
        resolve({ status: statusCode, type: got['content-type'] ?? '', text, code });
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function makeAccount(username: string): Promise<string> {
  const body = JSON.stringify({ username, password: PASSWORD });
  const { text } = await ask('POST', '/api/v1/auth/register', { body });
  return JSON.parse(text).accessToken;
}

/** Does the work for all items, some at a time, and gives the results in the order of the items. */
async function forAll<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const places = items.keys();
  const worker = async (): Promise<void> => {
    for (const place of places) results[place] = await work(items[place] as T);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

describe('each string in a field', () => {
  let token: string;
  beforeAll(async () => {
    token = await makeAccount('Naughty');
  });

  const fields = textFields(endpoints);

  test('of those there are many', () => {
    expect(STRINGS).toHaveLength(515);
    const names = fields.map(({ operation, name }) => `${operation.id} ${name}`);
    expect(names).toEqual(
      expect.arrayContaining(['register body.username', 'searchUsers query.name']),
    );
    expect(names.length).toBeGreaterThan(40);
  });

  test.each(fields.map((field) => ({ id: `${field.operation.id} ${field.name}`, field })))(
    '$id is taken or refused',
    async ({ field }) => {
      const faults = await forAll(STRINGS, async (text) => {
        const { method, path, body } = field.draft(text);
        const isOpen = field.operation.access === 'anyone';
        const heard = await ask(method, path, { body, ...(!isOpen && { token }) });
        const isProblem = heard.status < 400 || isToldWell(method, heard);
        return heard.status < 500 && isProblem ? undefined : { text, heard };
      });
      expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
    },
  );
});

function isToldWell(method: string, heard: Heard): boolean {
  if (heard.code === undefined) return false;
  return method === 'HEAD' || Problem.safeParse(parse(heard)).success;
}

function parse({ type, text }: Heard): unknown {
  return type === 'application/problem+json' ? JSON.parse(text) : undefined;
}

describe('what is stored comes back as it was', () => {
  test('usernames, where they are taken', async () => {
    const names = [...new Map(STRINGS.map((text) => [text.toLowerCase(), text])).values()];
    const taken = await forAll(names, async (username) => {
      const body = JSON.stringify({ username: `${username}`, password: `${PASSWORD}x` });
      const { status, text } = await ask('POST', '/api/v1/auth/register', { body });
      if (status !== 201) return undefined;
      const me = await ask('GET', '/api/v1/auth/me', { token: JSON.parse(text).accessToken });
      expect(JSON.parse(me.text).username).toBe(username);
      return username;
    });
    // The contract's rule and nothing else decides, before this test or in it.
    expect(taken.filter((name) => name !== undefined && !/^[A-Za-z0-9]{3,50}$/.test(name))).toEqual(
      [],
    );
  });

  test('names of devices, which are bytes to the platform', async () => {
    const token = await makeAccount('Renamer');
    const { devices } = JSON.parse((await ask('GET', '/api/v1/auth/devices', { token })).text);
    const path = `/api/v1/auth/devices/${devices[0].device}`;
    for (const text of STRINGS) {
      const name = Buffer.from(text).toString('base64url');
      const { status } = await ask('PATCH', path, { token, body: JSON.stringify({ name }) });
      const { length } = Buffer.from(text);
      expect([text, status]).toEqual([text, length >= 1 && length <= 256 ? 204 : 400]);
      if (status !== 204) continue;
      const after = JSON.parse((await ask('GET', '/api/v1/auth/devices', { token })).text);
      expect(Buffer.from(after.devices[0].name, 'base64url').toString()).toBe(text);
    }
  });

  test('texts, from one person to another', async () => {
    const open = () => createClient({ url: platform.url, store: openMemoryStore() });
    const [alice, bob] = [open(), open()];
    try {
      for (const [client, username] of [
        [alice, 'NaughtyAlice'],
        [bob, 'NaughtyBob'],
      ] as const) {
        await client.register({ username, password: PASSWORD });
        await client.connect();
      }
      const found = await vi.waitFor(async () => {
        const user = await alice.findUser('NaughtyBob');
        if (user === undefined) throw new Error('not yet in the directory');
        return user.user;
      }, 10_000);
      const { id } = await alice.openDirect(found);
      // There is no message without a text.
      const texts = STRINGS.filter((text) => text !== '');
      for (const text of texts) await alice.sendText(id, text);
      const heard: Message[] = await vi.waitFor(async () => {
        const items = await bob.history(id, { limit: 1000 });
        expect(items).toHaveLength(texts.length);
        return items.filter((item) => item.type === 'message');
      }, 20_000);
      expect(heard.map(({ content }) => content.type === 'text' && content.text)).toEqual(texts);
    } finally {
      await Promise.all([alice.close(), bob.close()]);
    }
  });
});

test('after all this the platform is well, and its log tells of no fault', async () => {
  expect((await ask('GET', '/health/ready', {})).status).toBe(200);
  expect(platform.output()).not.toContain('"level":"error"');
});
