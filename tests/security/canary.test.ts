/**
 * The demo is played with canaries in every text and file name. Then everything that the platform wrote is searched:
 * no plaintext, no private key, no password, no token, in any usual spelling.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { startDemo } from '../demo-process.ts';
import { filesBelow, findNeedles, type Needle, rowsOf, type Trace } from './traces.ts';

const CANARY = 'canary7Qx2Lw9Zt4Rk';

/** Of what a person has by the hundred, a few will do. */
const ONE_TIME_KEYS = 5;

let people: string;
let platform: Standalone;
let rows: Trace[];
let needles: Needle[];
let demoOutput: string;

beforeAll(async () => {
  people = mkdtempSync(join(tmpdir(), 'sotto-people-'));
  platform = await startStandalone({ environment: { LOG_LEVEL: 'debug' } });
  demoOutput = await startDemo({ url: platform.url, directory: people, canary: CANARY }).done;
  rows = await rowsOf(superuser(platform.dataDirectory));
  needles = [...plaintexts(), ...passwords(), ...['alice.db', 'bob.db'].flatMap(secretsOf)];
  // What is still in memory gets to the disk now.
  expect(await platform.stop()).toBe(0);
}, 120_000);

afterAll(async () => {
  await platform?.close();
  rmSync(people, { recursive: true, force: true });
});

function superuser(dataDirectory: string) {
  const lines = readFileSync(
    join(dataDirectory, 'postgres', 'data', 'postmaster.pid'),
    'utf8',
  ).split('\n');
  const password = readFileSync(join(dataDirectory, 'secrets', 'postgres'), 'utf8').trim();
  return {
    host: '127.0.0.1',
    port: Number(lines[3]),
    user: 'postgres',
    password,
    database: 'sotto',
  };
}

function needle(name: string, text: string): Needle {
  return { name, bytes: Buffer.from(text) };
}

function plaintexts(): Needle[] {
  return [
    needle('the canary', CANARY),
    needle('a text', 'Hello Bob!'),
    needle('the file', 'meet at noon'),
  ];
}

function passwords(): Needle[] {
  const accounts: Record<string, { password: string }> = JSON.parse(
    readFileSync(join(people, 'accounts.json'), 'utf8'),
  );
  return Object.entries(accounts).map(([who, { password }]) =>
    needle(`${who}'s password`, password),
  );
}

/** Tokens and private keys, as a person's own store has them. */
function secretsOf(file: string): Needle[] {
  const store = new DatabaseSync(join(people, file), { readOnly: true });
  const entries = store.prepare('select key, value from entries order by key').all();
  store.close();
  const found: Needle[] = [];
  let oneTimeKeys = 0;
  for (const { key, value } of entries) {
    // Sessions are bytes, and a mark is nothing but its key.
    if (String(key).startsWith('session/') || (value as Uint8Array).length === 0) continue;
    const record: Record<string, unknown> = JSON.parse(Buffer.from(value as Uint8Array).toString());
    const isOneTime = 'secretKey' in record && !('signature' in record);
    if (isOneTime && ++oneTimeKeys > ONE_TIME_KEYS) continue;
    found.push(...secretsIn(`${file} ${key}`, record));
  }
  return found;
}

function secretsIn(place: string, record: Record<string, unknown>): Needle[] {
  return Object.entries(record).flatMap(([name, value]): Needle[] => {
    if (typeof value === 'object' && value !== null)
      return secretsIn(place, Object.fromEntries(Object.entries(value)));
    if (typeof value !== 'string') return [];
    if (name === 'seed' || name === 'secretKey') {
      return [{ name: `${name} of ${place}`, bytes: Buffer.from(value, 'base64url') }];
    }
    return name === 'access' || name === 'refresh'
      ? tokenNeedles(`${name} token of ${place}`, value)
      : [];
  });
}

/** A token, and the part of it that makes it one. */
function tokenNeedles(name: string, token: string): Needle[] {
  return [needle(name, token), needle(`the end of the ${name}`, token.slice(-24))];
}

describe('what the search is made of', () => {
  test('the people have what is looked for', () => {
    expect(demoOutput).toContain(CANARY);
    const names = needles.map(({ name }) => name).join('\n');
    for (const kind of [
      'seed of alice.db',
      'secretKey of bob.db',
      'access token',
      'refresh token',
      'password',
    ]) {
      expect(names).toContain(kind);
    }
  });

  test('it finds what the platform does have to know', () => {
    const [alice] = Object.values<{ username: string }>(
      JSON.parse(readFileSync(join(people, 'accounts.json'), 'utf8')),
    );
    expect(findNeedles([needle('a username', alice?.username ?? '')], rows)).not.toEqual([]);
  });

  test('it finds bytes in every spelling', () => {
    const secret = needle('it', 'secret bytes');
    const buffer = Buffer.from('secret bytes');
    for (const text of [
      'xx secret bytes xx',
      `\\x00${buffer.toString('hex')}`,
      Buffer.from('xsecret bytes').toString('base64'),
      Buffer.from('xxsecret bytesx').toString('base64url'),
      Buffer.from('secret bytes', 'utf16le').toString('latin1'),
    ]) {
      expect(findNeedles([secret], [{ place: 'here', text }])).toEqual(['it in here']);
    }
  });

  test('the messages and the file went through the platform', () => {
    expect(rows.some(({ place }) => place.includes('messages'))).toBe(true);
    expect(
      readdirSync(join(platform.dataDirectory, 'blobs'), { recursive: true }).length,
    ).toBeGreaterThan(0);
  });
});

describe('nothing that only people may know is', () => {
  test('in any row of any table', () => {
    expect(findNeedles(needles, rows)).toEqual([]);
  });

  test('in any file of the data directory: database, blobs, logs', () => {
    expect(findNeedles(needles, filesBelow(platform.dataDirectory, ['secrets']))).toEqual([]);
  });

  test('in what the platform printed', () => {
    expect(findNeedles(needles, [{ place: 'its output', text: platform.output() }])).toEqual([]);
  });
});

test("the platform's own secrets are for its owner alone, and nowhere else", () => {
  const directory = join(platform.dataDirectory, 'secrets');
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  const names = readdirSync(directory);
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  const own = names.map((name) => needle(name, readFileSync(join(directory, name), 'utf8').trim()));
  expect(findNeedles(own, filesBelow(platform.dataDirectory, ['secrets']))).toEqual([]);
});
