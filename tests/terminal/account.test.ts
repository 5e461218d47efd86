/** What a person does in a terminal about their account, and about whom to believe. */
import type { Client } from '@sotto/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../cluster.ts';
import { openStage, PASSWORD, type Stage } from './stage.ts';
import type { TerminalWindow } from './terminal-window.ts';

const TEST_MS = 120_000;

let stage: Stage;
/** In a terminal, all the time. */
let rosa: TerminalWindow;
/** With another program, and from the second test on with other keys. */
let sven: Client;

beforeAll(async () => {
  stage = await openStage();
  [rosa, sven] = await Promise.all([stage.enter('Rosa'), stage.befriend('Sven')]);
}, TEST_MS);
afterAll(() => stage?.close());

describe('in a terminal', { timeout: TEST_MS }, () => {
  test('a name is shown to others, a conversation is muted, and messages go away', async () => {
    await rosa.say('/new Sven');
    await rosa.say('hello');
    await rosa.sees('hello ✓');
    await rosa.say('/name Rosa of the Reds');
    await rosa.sees('sees you as Rosa of the Reds');
    const { user } = (await sven.findUser('Rosa')) ?? expect.fail('nobody there');
    const shown = async () => (await sven.people.profile(user))?.name;
    await expect.poll(shown, { timeout: 30_000 }).toBe('Rosa of the Reds');
    await rosa.say('/name');
    await expect.poll(shown, { timeout: 30_000 }).toBeUndefined();

    await rosa.say('/mute 8h');
    await rosa.sees('wakes none of your devices for 8 hours');
    await rosa.until((screen) => /(Sven {2}|· )muted/.test(screen), 'muted');
    await rosa.say('/mute off');
    await rosa.sees('wakes your devices again');
    await rosa.until((screen) => !screen.includes('muted'), 'not muted');

    await rosa.say('/timer 3s');
    await rosa.sees('⧗ 3 seconds');
    const [conversation] = await sven.conversations();
    await sven.sendText(conversation?.id ?? expect.fail('no conversation'), 'in a flash');
    await rosa.sees('Sven: in a flash');
    await rosa.until((screen) => !screen.includes('in a flash'), 'nothing of it');
    await rosa.say('/timer soon');
    await rosa.sees('a time is 30s');
    rosa.press('C-c');
    await rosa.say('/timer off');
    await rosa.sees('turned disappearing messages off');
  });

  test('after a change of keys nothing leaves before the numbers were compared and accepted', async () => {
    const other = stage.newDevice();
    await other.login({ username: 'Sven', password: PASSWORD });
    await other.connect();
    sven = other;
    await rosa.say('is it you?');
    await rosa.sees('The keys of Sven have changed');
    await rosa.sees('is it you? …');
    await rosa.say('/trust');
    await rosa.sees('compare the safety numbers first');
    rosa.press('C-c');
    await rosa.say('/verify');
    const me = (await sven.findUser('Rosa'))?.user ?? expect.fail('nobody there');
    const { digits } = await sven.safetyNumber(me);
    await rosa.sees(digits.match(/\d{5}/g)?.slice(0, 4).join(' ') ?? 'no digits');
    await rosa.leave();
    await rosa.say('/trust');
    await rosa.sees('is it you? ✓');
    expect(rosa.screen()).not.toContain('have changed');
  });

  test('a device is linked by its code, listed, and taken off for good', async () => {
    const phone = await linkPhone('Phone');
    const isOut = new Promise((resolve) => phone.on('logged-out', resolve));
    await rosa.say(`/unlink ${await numberOf('Phone')}`);
    await rosa.sees('Phone is none of your devices any more');
    await isOut;
    await rosa.say('/devices');
    await rosa.until((screen) => screen.includes('1  ') && !screen.includes('Phone,'), 'no phone');
    await rosa.leave();
  });

  test('a lost device takes the password, which is not shown, and contacts are warned', async () => {
    const isWarned = new Promise<{ user: string }>((resolve) =>
      sven.on('identity-changed', resolve),
    );
    await linkPhone('Tablet');
    await rosa.say(`/lost ${await numberOf('Tablet')}`);
    await rosa.sees('Password of Rosa');
    rosa.type('not the password');
    await rosa.sees('› ••••');
    rosa.press('Enter');
    await rosa.sees('the password is wrong');
    rosa.press('Enter');
    await rosa.sees('Password of Rosa');
    rosa.type(PASSWORD);
    rosa.press('Enter');
    await rosa.sees('your account has new keys');
    expect(rosa.written()).not.toContain(PASSWORD);
    await rosa.sees('● connected');
    await rosa.say('it is me');
    await isWarned;
  });

  test('with the password alone a device has keys of its own, which link the first one again or end', async () => {
    const second = await stage.open('Rosa-second');
    await second.sees('1, 2 or 3?');
    second.type('3');
    second.press('Enter');
    await second.sees('Your name:');
    second.type('Rosa');
    second.press('Enter');
    await logInWith(second, 'not-the-password');
    await second.sees('the password is wrong');
    await second.sees('Your name:');
    second.type('Rosa');
    second.press('Enter');
    await logInWith(second, PASSWORD);
    await second.sees('● connected');

    await rosa.sees('Somebody else has made keys for your account');
    await rosa.say('/link');
    await rosa.sees('Link this device again');
    expect(rosa.screen()).toMatch(/[▀▄█]{20}/);
    const code = await codeOn(rosa);
    await second.say(`/link ${code}`);
    await rosa.sees('This device is one of yours again');
    await rosa.sees('● connected');

    const third = stage.newDevice();
    await third.login({ username: 'Rosa', password: PASSWORD });
    const isOut = new Promise((resolve) => third.on('account-compromised', resolve));
    await third.connect();
    await rosa.sees('Somebody else has made keys for your account');
    await rosa.say('/reclaim');
    await rosa.sees('Password of Rosa');
    rosa.type(PASSWORD);
    rosa.press('Enter');
    await rosa.sees('Your account has new keys');
    await isOut;
    second.press('C-c');
    second.press('C-c');
    second.close();
  });

  test('after the session has ended the password brings it back, and nothing is lost', async () => {
    const phone = await linkPhone('Pager');
    await phone.logoutEverywhere();
    await rosa.sees('session has ended');
    await rosa.say('/login');
    await rosa.sees('Password of Rosa');
    rosa.type(PASSWORD);
    rosa.press('Enter');
    await rosa.sees('● connected');
    await rosa.sees('hello ✓');
  });

  test('where no server is, nobody is asked for a name', async () => {
    const words = ['--url', `http://127.0.0.1:${await freePort()}`, '--data', stage.directory];
    const nowhere = await stage.open('Nobody', { words });
    await nowhere.sees('there is no Sotto server at');
    nowhere.type('echo "ended with $?"');
    nowhere.press('Enter');
    await nowhere.sees('ended with 69');
    expect(nowhere.screen()).not.toContain('Your name');
  });
});

/** Makes a device one of Rosa's, by its code, and gives it a name. */
async function linkPhone(name: string): Promise<Client> {
  const phone = stage.newDevice();
  const { code, completed } = await phone.beginLink();
  await rosa.say(`/link ${code}`);
  const { device } = await completed;
  await rosa.sees('one of yours now');
  await phone.connect();
  await phone.renameDevice(device, name);
  return phone;
}

/** The number under which `/devices` lists a device; the list is put away again. */
async function numberOf(name: string): Promise<string> {
  await rosa.say('/devices');
  await rosa.sees(`${name}, since`);
  const number = new RegExp(`(\\d)  ${name},`).exec(rosa.screen())?.[1];
  await rosa.leave();
  return number ?? expect.fail('not listed');
}

async function logInWith(window: TerminalWindow, password: string): Promise<void> {
  await window.sees('Your password:');
  window.type(password);
  window.press('Enter');
}

/** The code as it stands on the screen, over as many rows as it takes. */
async function codeOn(window: TerminalWindow): Promise<string> {
  const found = () => /sotto-link:[\w-]+(?:\s*\n\s*[\w-]+)*/.exec(window.screen())?.[0];
  await window.until(() => found() !== undefined, 'a code');
  return (found() ?? '').replace(/\s/g, '');
}
