/** Strings that break software, and what terminals obey, as message, name, title and file name: shown, and not obeyed. */
import { readFileSync } from 'node:fs';
import { ClientError } from '@sotto/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStage, type Stage } from './stage.ts';

const NAUGHTY: readonly string[] = JSON.parse(
  readFileSync(new URL('../security/vectors/blns.json', import.meta.url), 'utf8'),
);
const SEQUENCES = [
  '\u001b]8;;https://example.org\u001b\\click\u001b]8;;\u001b\\',
  '\u001b]52;c;Y3VybCBldmls\u0007',
  '\u001b]0;another title\u0007',
  '\u001b[2J\u001b[Hgone',
  '\u001b[31;5mred',
  '\u009b31m\u009d52;c;aGk=\u009c',
  '\u001bPq\u001b\\\u001bc',
  '\u202egnp.exe',
];

/** All that Ink, the program itself and the shell around it write on purpose: colours, moves, erasing, modes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const OWN = /\u001b\[(\??[\d;]*[A-HJKSTdfhlmnrsu]|[\d;]*X|>[\d;]*[cmqu]|<?u|\?u)|\u001b[78=>]/g;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.close());

test('no naughty string and no sequence of somebody else reaches the terminal', async () => {
  // A large window shows them all in few pages.
  const large = { columns: 120, rows: 100 };
  const [window, sender] = await Promise.all([
    stage.enter('Victim', large),
    stage.befriend('Mallory'),
  ]);
  const victim = (await sender.findUser('Victim')) ?? expect.fail('nobody there');
  const { id } = await sender.openDirect(victim.user);
  const name = SEQUENCES.find((text) => !/\p{Cc}/u.test(text)) ?? 'nobody';
  await sender.people.setProfile({ name }).catch(isRefused);
  const bytes = new TextEncoder().encode('x');
  for (const text of SEQUENCES) {
    await sender.sendText(id, text);
    const file = { name: text, type: 'text/plain', data: bytes };
    await sender.sendFile(id, file).catch(isRefused);
    await sender.groups.create({ members: [victim.user], title: text }).catch(isRefused);
  }
  for (const text of NAUGHTY.filter((each) => each !== '')) await sender.sendText(id, text);
  await sender.sendText(id, 'the end');
  await window.sees('the end');
  window.press('Down');
  const list = window.screen();
  expect(list).toContain('#');
  await window.say('/new Mallory');
  await window.sees('the end');
  // The list cuts titles off, so the whole of it is only seen where the message is.
  let rows = window.screen();
  while (!rows.includes('␛]52;c;Y3VybCBldmls')) {
    const before = rows;
    window.press('PPage');
    await window.until((screen) => screen !== before, 'older rows');
    rows = window.screen();
  }

  const written = Buffer.from(window.written(), 'latin1').toString('utf8').replace(OWN, '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
  const stray = written.match(/[\u0000-\u0006\u000b\u000c\u000e-\u001f\u007f-\u009f].{0,20}/g);
  expect(stray).toBeNull();
  expect(written).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
}, 300_000);

/** Some names are refused by the SDK of an honest sender; nothing else may go wrong. */
function isRefused(error: unknown): void {
  if (!(error instanceof ClientError) || error.code !== 'content.invalid') throw error;
}
