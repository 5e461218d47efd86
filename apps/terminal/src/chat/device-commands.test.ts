/** A device that somebody else may have goes by the password, which no screen shows. */
import { ApiError, type Client, type OwnDevice } from '@sotto/client';
import { expect, test } from 'vitest';
import { deskWith, enter, open, sent, WITH_BOB } from './desk.fixture.ts';
import { takeKey, takePaste } from './keys.ts';
import { masked } from './question.ts';

type DeviceId = OwnDevice['device'];

const LISTED: readonly OwnDevice[] = [
  { ...device('here'), current: true },
  { ...device('phone'), name: 'Phone', current: false },
];

test('it asks for the password, and reports the device that the list has shown', async () => {
  const { desk, asked } = openListed({ login: async () => (await deskWith({})).desk.me });
  await listed(desk);
  enter(desk, '/lost 2');
  await expect.poll(() => desk.state.get().question?.words).toContain('Password of me');
  expect(desk.state.get().panel?.title).toBe('Lost or stolen: Phone');
  takePaste(desk, 'Correct-Horse-7\n');
  expect(masked(desk.state.get().question?.draft ?? expect.fail('no question')).text).toMatch(
    /^•+$/,
  );
  expect(desk.state.get().draft.text).toBe('');
  press(desk, 'return');
  await expect.poll(() => desk.state.get().notice?.text).toContain('The device is out');
  expect(asked.slice(1)).toEqual([
    ['login', { username: 'me', password: 'Correct-Horse-7' }],
    ['reportLost', 'phone'],
  ]);
  expect(desk.state.get()).toMatchObject({ question: undefined, panel: undefined });
});

test('it is asked for late only when nothing else is being typed', async () => {
  const [login, isStuck] = [
    async () => (await deskWith({})).desk.me,
    Promise.withResolvers<void>(),
  ];
  const sendText = async (conversation: typeof WITH_BOB.id) => {
    await isStuck.promise;
    return sent(conversation, 'own');
  };
  const { desk, asked } = openListed({ login, sendText });
  await listed(desk);
  enter(desk, 'on a slow line');
  enter(desk, '/lost 2');
  takeKey(desk, 'for bob', {});
  isStuck.resolve();
  await expect.poll(() => desk.state.get().notice?.text).toContain('your password');
  takeKey(desk, ' alone', {});
  expect(desk.state.get().question).toBeUndefined();
  expect(desk.state.get().draft.text).toBe('for bob alone');
  press(desk, 'return');
  await expect.poll(() => desk.state.get().question).toBeDefined();
  takePaste(desk, 'Correct-Horse-7');
  press(desk, 'return');
  await expect
    .poll(() => asked.map(([name]) => name).slice(2))
    .toEqual(['login', 'reportLost', 'sendText']);
  expect(asked.at(-1)).toEqual(['sendText', WITH_BOB.id, 'for bob alone']);
});

test('with Esc, and with a wrong password, nothing is done, and the command is back', async () => {
  const login = () => Promise.reject(new ApiError('auth.credentials-wrong'));
  const { desk, asked } = openListed({ login });
  await listed(desk);
  enter(desk, '/lost 2');
  await expect.poll(() => desk.state.get().question).toBeDefined();
  press(desk, 'escape');
  await expect.poll(() => desk.state.get().notice?.text).toBe('nothing was done');
  expect(desk.state.get()).toMatchObject({ draft: { text: '/lost 2' }, panel: undefined });
  press(desk, 'return');
  await expect.poll(() => desk.state.get().question).toBeDefined();
  takePaste(desk, 'wrong');
  press(desk, 'return');
  await expect.poll(() => desk.state.get().notice?.text).toContain('password is wrong');
  expect(desk.state.get().draft.text).toBe('/lost 2');
  expect(asked.some(([name]) => name === 'reportLost')).toBe(false);
});

test('the device that one sits at, and one that no list has shown, are refused at once', async () => {
  const { desk } = openListed({});
  enter(desk, '/lost 2');
  await expect.poll(() => desk.state.get().notice?.text).toContain('/devices');
  await listed(desk);
  enter(desk, '/lost 1');
  await expect.poll(() => desk.state.get().notice?.text).toContain('that you sit at');
  expect(desk.state.get().question).toBeUndefined();
});

function openListed(answers: Partial<Client>) {
  const devices = async () => [...LISTED];
  const made = deskWith({ devices, reportLost: async () => {}, ...answers });
  open(made.desk, WITH_BOB);
  return made;
}

async function listed(desk: ReturnType<typeof openListed>['desk']): Promise<void> {
  enter(desk, '/devices');
  await expect.poll(() => desk.listedDevices).toHaveLength(2);
}

function press(desk: ReturnType<typeof openListed>['desk'], name: 'return' | 'escape'): void {
  takeKey(desk, '', { [name]: true });
}

function device(id: string): Omit<OwnDevice, 'name' | 'current'> {
  const now = '2026-11-22T00:00:00.000Z';
  return { device: id as DeviceId, createdAt: now, loggedInAt: now };
}
