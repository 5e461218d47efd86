/** Two people chat in two terminals, and with somebody who has another program. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@sotto/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStage, PASSWORD, type Stage } from './stage.ts';
import type { TerminalWindow } from './terminal-window.ts';

const TEST_MS = 120_000;

let stage: Stage;
let alice: TerminalWindow;
let bob: TerminalWindow;

beforeAll(async () => {
  stage = await openStage();
  [alice, bob] = await Promise.all([stage.enter('Alice'), stage.enter('Bobby')]);
}, TEST_MS);
afterAll(() => stage?.close());

describe('the terminal client', { timeout: TEST_MS }, () => {
  test('two strangers meet, write, see ticks rise, answer, react and edit', async () => {
    expect(alice.written()).not.toContain(PASSWORD);
    await alice.say('/new Bobby');
    await alice.sees('Nothing was said here yet');
    await alice.say('good morning');
    await alice.sees('you: good morning ✓');

    await bob.sees('request');
    bob.press('Enter');
    await bob.sees('Alice: good morning');
    await bob.say('/accept');
    await alice.sees('good morning ✓✓ read');
    await alice.sees('● here');
    await bob.say('/reply and to you');
    await alice.sees('┃ you: good morning');
    await alice.say('/react 👍');
    await bob.sees('👍 Alice');
    await bob.say('/edit and to both of you');
    await alice.sees('and to both of you (edited)');
    bob.type('hm');
    await alice.sees('typing…');
    bob.press('C-c');
    await bob.say('/delete');
    await alice.sees('deleted');

    await alice.say('/verify');
    await alice.sees('Safety number');
    expect(alice.screen()).toMatch(/[▀▄█]{20}/);
    const number = /\d{5} \d{5} \d{5} \d{5}/.exec(alice.screen())?.[0] ?? 'no digits';
    await alice.leave();
    await bob.say('/verify');
    await bob.sees(number);
    await bob.leave();
  });

  test('what was pasted is one text, in any script, and Ctrl+Z stops nothing', async () => {
    bob.paste('first line\nsecond 日本語 עברית 👨‍👩‍👧 line\n/quit');
    await bob.sees('/quit');
    expect(bob.screen()).toMatch(/› first line\n {2}second/);
    bob.press('C-z');
    await bob.sees('is not stopped');
    bob.press('Enter');
    await alice.sees('Bobby: first line');
    await alice.until(
      (screen) => /second 日本語.* line.*\n.*\/quit/.test(screen),
      'the other lines',
    );
    await bob.sees('/quit ✓');
  });

  test('it can be made larger and smaller in the middle of a text', async () => {
    bob.type('half a sentence, ');
    await bob.sees('half a sentence,');
    bob.resize(40, 12);
    await alice.say('a word between');
    await bob.sees('a word between');
    await bob.until(isWithin(40, 12), '40 columns and 12 rows');
    await bob.sees('› half a sentence,');
    bob.resize(20, 5);
    await bob.sees('Make this window');
    bob.type('and');
    bob.resize(200, 50);
    bob.type(' the other half');
    await bob.sees('› half a sentence, and the other half');
    bob.resize(80, 24);
    bob.press('Enter');
    await alice.sees('half a sentence, and the other half');
  });

  test('a group takes a file in, and somebody who is removed reads no more', async () => {
    const [emil, frida] = await Promise.all([stage.enter('Emil'), stage.befriend('Frida')]);
    await alice.say('/group "Choir on Tuesday" Emil');
    await alice.sees('#Choir on Tuesday');
    await alice.say('at eight');
    await emil.sees('request');
    emil.press('Enter');
    await emil.sees('Alice: at eight');
    await emil.say('/accept');
    await alice.say('/add Frida');
    await emil.sees('Alice added Frida');
    await alice.say('/admin Frida');
    await alice.sees('You made Frida an admin');
    await alice.say('/unadmin Frida');
    await alice.sees('You took the admin role from Frida');
    await alice.say('/admin Frida');
    await alice.say('/rename Singers');
    await emil.sees('#Singers');
    await alice.say('/members');
    await alice.sees('3 people in Singers');
    await alice.until((screen) => /Frida +admin/.test(screen), 'Frida as an admin');
    await alice.leave();

    const content = randomBytes(12_000_000);
    writeFileSync(join(stage.directory, 'score.bin'), content);
    await alice.say('/file score.bin');
    await emil.sees('[file] score.bin, 12 MB');
    // It is drawn anew from where it has changed.
    expect(alice.drawn()).toContain('sending score.bin ░');
    expect(alice.drawn()).toMatch(/█░+ [1-9]\d? % of 12 MB/);
    await emil.say('/save kept.bin');
    await emil.sees('Saved as');
    expect(readFileSync(join(stage.directory, 'kept.bin')).equals(content)).toBe(true);

    await alice.say('/remove Emil');
    await emil.sees('Alice removed you');
    await alice.say('only the two of us');
    await alice.sees('only the two of us ✓');
    await emil.say('hello?');
    await emil.sees('you are no longer in this group');
    expect(emil.screen()).not.toContain('only the two of us');
    await expect.poll(() => textsOf(frida), { timeout: 30_000 }).toContain('only the two of us');
    emil.close();
    await alice.say('/leave');
    await alice.sees('You have left the group');
  });

  test('it scrolls back to the first message, and finds what was said', async () => {
    const hanna = await stage.befriend('Hanna');
    await bob.say('/new Hanna');
    await bob.say('begin');
    await bob.sees('begin ✓');
    const known = async () => (await hanna.conversations())[0]?.id;
    await expect.poll(known, { timeout: 30_000 }).toBeDefined();
    const conversation = (await known()) ?? expect.fail('no conversation');
    for (let index = 1; index <= 70; index += 1) {
      await hanna.sendText(conversation, `message ${index} ${index === 7 ? 'needle' : ''}`.trim());
    }
    await bob.sees('Hanna: message 70'); // The list has it a moment earlier.
    expect(bob.screen()).not.toContain('message 40');
    for (let page = 0; page < 6; page += 1) bob.press('PPage');
    await bob.sees('message 2');
    await bob.sees('↓');
    bob.press('Escape');
    await bob.sees('message 70');
    bob.resize(120, 40);
    await bob.sees('message 40');
    bob.resize(80, 24);
    await bob.say('/search NEEDLE');
    await bob.sees('message 7 needle');
    await bob.leave();
  });

  test('who is elsewhere sees how much is unread, and nothing of who is blocked', async () => {
    await bob.say('/new Alice');
    await bob.say('/block');
    await bob.sees('Alice is blocked');
    await alice.say('/new Bobby');
    await alice.say('into the void');
    await alice.sees('into the void ✓');
    await bob.say('/unblock');
    await bob.sees('Alice may write to you again');
    await bob.say('/new Hanna');
    await bob.sees('Hanna: message 70');
    await alice.say('are you there?');
    await bob.until((screen) => /Alice +\(1\)/.test(screen), 'one that is unread');
    await bob.say('/new Alice');
    await bob.sees('Alice: are you there?');
    await bob.until((screen) => !screen.includes('(1)'), 'nothing unread');
    expect(bob.screen()).not.toContain('into the void');
  });

  test('a program that is killed has lost nothing when it comes back, and what waits leaves', async () => {
    await bob.say('/new Alice');
    await bob.sees('Alice: a word between');
    await alice.say('/new Bobby');
    await alice.say('just in time');
    await alice.sees('you: just in time');
    alice.kill();
    alice.close();
    alice = await stage.open('Alice');
    await alice.sees('● connected');
    await alice.say('/new Bobby');
    await alice.sees('you: a word between');
    await alice.until((screen) => /just in time ✓/.test(screen), 'the tick of what was on its way');
    await bob.sees('Alice: just in time');
    expect(bob.screen().split('just in time').length - 1).toBe(2); // In the list, and in the chat.
  });

  test('without a connection it says so, and what is written meanwhile leaves later', async () => {
    await stage.restart(async () => {
      await alice.sees('◌');
      await alice.say('into the dark');
      await alice.sees('into the dark …');
    });
    await alice.sees('into the dark ✓');
    await bob.sees('Alice: into the dark');
  });

  test('a second terminal of one account follows the first, without colours, and goes on after it', async () => {
    const second = await stage.open('Bobby', { environment: { NO_COLOR: '1' } });
    await second.sees('● connected');
    await second.say('/new Alice');
    await second.sees('Alice: into the dark');
    await second.say('from the second');
    await bob.sees('you: from the second ✓');
    bob.press('C-c');
    await bob.sees('Ctrl+C again ends');
    bob.press('C-c');
    await bob.until((screen) => !screen.includes('connected'), 'the shell again');
    await second.say('still here');
    await second.sees('still here ✓');
    await alice.sees('Bobby: still here');
    await second.say('/help');
    await second.sees('/group TITLE NAME…');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is looked for
    expect(second.written()).not.toMatch(/\u001b\[[\d;]*[1-9][\d;]*m/);
  });
});

async function textsOf(client: Client): Promise<string[]> {
  const conversations = await client.conversations();
  const histories = await Promise.all(conversations.map(({ id }) => client.history(id)));
  return histories
    .flat()
    .flatMap((item) =>
      item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
    );
}

function isWithin(columns: number, rows: number) {
  return (screen: string) => {
    const shown = screen.replace(/\n$/, '').split('\n');
    return shown.length <= rows && shown.every((row) => row.length <= columns);
  };
}
