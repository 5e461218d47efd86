/** What the guide to the SDK shows works, and is what it shows. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ClientError, ConnectionError, createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import * as guide from '../../packages/client/examples/guide.ts';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const PASSWORD = 'Correct-Horse-7';

let platform: Standalone;
let directory: string;
const clients: Client[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto guide '));
  // People read the guide slower than this test goes through it.
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('its snippets are those that run here', () => {
  const root = new URL('../../', import.meta.url);
  const text = readFileSync(new URL('docs/sdk.md', root), 'utf8');
  for (const [language, file] of Object.entries({ ts: 'guide.ts', tsx: 'react/chat.tsx' })) {
    const source = readFileSync(new URL(`packages/client/examples/${file}`, root), 'utf8');
    const snippets = [...text.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))];
    expect(snippets.length, language).toBeGreaterThan(0);
    for (const [, snippet] of snippets) expect(source).toContain(snippet);
  }
  const codes = readFileSync(new URL('packages/client/src/errors.ts', root), 'utf8');
  for (const [, code] of codes.matchAll(/^ {2}\| '([a-z.-]+)'/gm))
    expect(text).toContain(`\`${code}\``);
});

test('two people meet, talk over two devices, forget a password and lose a phone', async () => {
  const [alice, bob] = [open('alice'), open('bob')];
  const tablet = await guide.unlockClient(platform.url, join(directory, 'tablet.sqlite'), PASSWORD);
  clients.push(tablet);
  const [hers, his, its] = [openScreen(), openScreen(), openScreen()];
  await guide.enter(alice, hers);
  await guide.comeBack(alice);
  await bob.register({ username: 'bob', password: PASSWORD });
  await bob.connect();
  guide.watch(bob, his);
  const ringing = guide.ring(bob, AbortSignal.timeout(60_000), his);
  const [{ session } = expect.fail('no session')] = await alice.sessions();
  await alice.endSession(session);
  await guide.comeBack(alice);
  const reading = [guide.readOn(bob, his), guide.readOn(tablet, its)];

  await guide.say(alice, 'bob', 'good morning');
  await shown(his, 'good morning');
  await shown(his, 'Ding');
  await guide.dressUp(alice, Buffer.from('\x89PNG\r\n and a portrait', 'latin1'));
  await guide.answerRequests(bob, his);
  const { user } = (await alice.me()) ?? expect.fail();
  await vi.waitFor(async () => {
    expect(await bob.people.profile(user)).toMatchObject({ name: 'Alice Ångström' });
  }, 30_000);
  expect((await bob.people.openPicture(user))?.bytes).toHaveLength(21);
  const [conversation] = await alice.conversations();
  const [film, kept] = [join(directory, 'film.mp4'), join(directory, 'kept.mp4')];
  writeFileSync(film, 'a short film');
  await guide.sendFilm(alice, conversation?.id ?? expect.fail(), film, hers);
  expect(hers.lines.slice(-2)).toEqual(['0 %', '100 %']);
  const message = await vi.waitFor(async () => {
    const last = (await bob.history(conversation?.id ?? expect.fail())).at(-1);
    return last?.type === 'message' && last.content.type === 'file' ? last : expect.fail();
  }, 30_000);
  expect(await guide.keepFilm(bob, message, kept)).toBe(12);
  expect(readFileSync(kept, 'utf8')).toBe('a short film');
  await guide.answer(bob, message, his);
  const linking = guide.linkNewDevice(tablet, its);
  await vi.waitFor(() => expect(its.lines).toHaveLength(1));
  await guide.approveNewDevice(alice, its.lines[0] ?? '', hers);
  await linking;
  expect((await alice.devices()).map(({ name }) => name)).toContain('Tablet');
  await guide.say(bob, 'alice', 'to both of you');
  await shown(its, 'to both of you');

  const code = hers.lines[0]?.split(': ')[1] ?? '';
  await guide.recover(alice, code, hers);
  await alice.connect();
  const lost = (await alice.devices()).find(({ name }) => name === 'Tablet');
  await alice.reportLost(lost?.device ?? expect.fail('it is not on the list'));
  await shown(his, 'has other keys');
  await guide.meetAgain(bob, 'alice', his);
  await guide.say(bob, 'alice', 'is it you');
  await guide.say(alice, 'bob', 'it is me');
  await shown(his, 'it is me');

  const choir = await guide.foundChoir(bob, ['alice', 'nobody']);
  await vi.waitFor(async () => expect(await alice.groups.members(choir)).toHaveLength(2), 15_000);

  await expect(bob.login({ username: 'bob', password: 'Wrong-Horse-7' })).rejects.toSatisfy(
    (error) => guide.adviceFor(error) === 'ask for the password again',
  );
  expect(guide.adviceFor(new ConnectionError('gone'))).toMatch(/^offline/);
  expect(guide.adviceFor(new ClientError('outbox.full', 'full'))).toContain('outbox.full');
  for (const client of clients.splice(0)) await client.close();
  await Promise.all([...reading, ringing]);
}, 90_000);

test('a person comes back from a backup', async () => {
  const store = openSqliteStore(join(directory, 'carol.sqlite'));
  const carol = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(carol);
  await carol.register({ username: 'carol', password: PASSWORD });
  await carol.connect();
  const [screen, backup] = [openScreen(), join(directory, 'carol.backup')];
  await guide.backUp(store, backup, screen);
  const words = screen.lines[0]?.split(': ')[1] ?? '';
  const to = { url: platform.url, file: join(directory, 'carol again.sqlite'), password: PASSWORD };
  const again = await guide.comeBackFrom(backup, words, to);
  clients.push(again);
  await again.connect();
  expect(await again.devices()).toHaveLength(2);
});

test('two programs share an account and its store', async () => {
  const path = join(directory, 'dora.sqlite');
  const [one, other] = [
    await guide.openForMany(platform.url, path),
    await guide.openForMany(platform.url, path),
  ];
  clients.push(one, other);
  const me = await one.register({ username: 'dora', password: PASSWORD });
  expect(await other.me()).toMatchObject({ user: me.user, device: me.device });
  await other.connect();
  await vi.waitFor(() => expect(one.state.connection.get().status).toBe('connected'), 15_000);
});

interface RecordedScreen extends guide.Screen {
  readonly lines: string[];
}

/** Of somebody who says yes to everything. */
function openScreen(): RecordedScreen {
  const lines: string[] = [];
  return { lines, show: (line) => void lines.push(line), confirm: async () => true };
}

async function shown({ lines }: RecordedScreen, part: string): Promise<void> {
  const check = () => expect(lines.some((line) => line.includes(part))).toBe(true);
  await vi.waitFor(check, { timeout: 15_000 });
}

function open(name: string): Client {
  const client = guide.openClient(platform.url, join(directory, `${name}.sqlite`));
  clients.push(client);
  return client;
}
