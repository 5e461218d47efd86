import { expect, test } from 'vitest';
import { checkPassword } from './credential-rules.ts';
import { createPasswords } from './passwords.ts';

test('a password verifies against its own hash alone, however its characters are composed', async () => {
  const passwords = await createPasswords();
  const hash = await passwords.hash('Grün-wie-1-Blatt');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.verify({ password: 'Gru\u0308n-wie-1-Blatt', hash })).toBe(true);
  expect(await passwords.verify({ password: 'Grün-wie-2-Blatt', hash })).toBe(false);
  expect(await passwords.verify({ password: 'Grün-wie-1-Blatt', hash: undefined })).toBe(false);
});

test('a full queue turns away at once, and takes again when it has emptied', async () => {
  let turnedAway = 0;
  const passwords = await createPasswords({
    atOnce: 1,
    waitingMax: 2,
    onBusy: () => turnedAway++,
  });
  const attempts = await Promise.allSettled(
    Array.from({ length: 5 }, () => passwords.hash('password')),
  );
  const refused = attempts.filter((attempt) => attempt.status === 'rejected');
  expect(refused.map(({ reason }) => reason.code)).toEqual(['auth.busy', 'auth.busy']);
  expect(turnedAway).toBe(2);
  await passwords.hash('password');
});

test('what is thrown before a turn saves the hash and passes the turn on', async () => {
  const passwords = await createPasswords({ atOnce: 1 });
  const before = () => Promise.reject(new Error('limited'));
  const started = performance.now();
  for (let turn = 0; turn < 1_000; turn++) {
    await expect(passwords.verify({ password: 'x', hash: undefined, before })).rejects.toThrow();
  }
  expect(performance.now() - started).toBeLessThan(6_000);
  await passwords.hash('password');
});

const problem = { code: 'auth.password-rule' };

test.each([
  'Aa1!aaa',
  'lower-case-1',
  'UPPER-CASE-1',
  'No-digits-abc',
  'NoSpecial123',
  'P@ssw0rd',
  'Password123!',
  'Qwertz12!',
  'Letmein1!',
  '!!Sunshine99',
  'Aa123456!',
  '123456789Aa!',
  '1qaz@WSX',
  '!QAZ2wsx',
  'Zaq12wsx!',
  'Q1w2e3r4!',
  'Qaz123!@#',
  'qwertyuiopasdfgh',
  'abcdefghijklmnop',
  'correcthorsebatterystaple',
  'passwordpassword',
  'aaaaaaaaaaaaaaaa',
  '1212121212121212',
  '12345678901234567890',
])('%j is refused', (password) => {
  expect(() => checkPassword(password)).toThrow(expect.objectContaining(problem));
});

test.each([
  'Correct-h0rse',
  'Zx9!kkQw',
  'four plain words here',
  'ÄÖÜ-äöü-7',
  '日本語日本語日本語日本語日本語',
])('%j is taken', (password) => {
  expect(() => checkPassword(password)).not.toThrow();
});

test.each([
  ['Marguerite7', 'Marguerite7!'],
  ['Marguerite7', '2024-MARGUERITE'],
])('whoever is called %j may not have %j, and others may', (username, password) => {
  expect(() => checkPassword(password, { username })).toThrow(expect.objectContaining(problem));
  expect(() => checkPassword(password, { username: 'Somebody' })).not.toThrow();
});

test('an unlucky text of many words or of random characters is no walk over the keyboard', () => {
  for (const password of [
    'the first stupid fed pony',
    'Hijack-the-7-weird-rewards',
    'Kp7#rewX',
    'was-defer-9-Rst',
    'xkcd-9-Poi-uyt-Lamp',
    'Ab1!Cd2@Ef3#',
  ]) {
    expect(() => checkPassword(password)).not.toThrow();
  }
});
