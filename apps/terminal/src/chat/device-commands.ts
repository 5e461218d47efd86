/** Commands about the devices of this account. */
import type { OwnDevice } from '@sotto/client';
import { alarmsOf } from '@sotto/hooks';
import { CommandError, EXIT } from '../exit-code.ts';
import { qrRows } from '../qr-code.ts';
import { safeLine } from '../safe-text.ts';
import { textRow } from '../screen/row.tsx';
import { wrapText } from '../text-width.ts';
import type { Desk, Panel } from './desk.ts';
import { needWords } from './people-named.ts';
import { withPassword } from './question.ts';
import { pageOf, showPanel, tell } from './telling.ts';

const HINTS = [
  '',
  'To add one: sotto link there shows a code; /link CODE here.',
  'To take one off for good: /unlink NUMBER.',
  'When somebody else may have it: /lost NUMBER, which makes the keys on it worthless.',
];

/** `/devices` */
export async function devices(desk: Desk): Promise<void> {
  const listed = await desk.client.devices();
  desk.listedDevices = listed;
  showPanel(desk, pageOf('Your devices', [...listed.map(deviceWords), ...HINTS]));
}

function deviceWords({ name, createdAt, loggedInAt, current }: OwnDevice, index: number): string {
  const since = `since ${createdAt.slice(0, 10)}, logged in ${loggedInAt.slice(0, 10)}`;
  return `${index + 1}  ${calledIn(name)}${current ? ' (this one)' : ''}, ${since}`;
}

function calledIn(name: string | undefined): string {
  return name === undefined ? 'A device without a name' : safeLine(name);
}

/** `/unlink NUMBER`: of the list that was shown, not of one that may have changed since. */
export async function unlink(desk: Desk, rest: string): Promise<void> {
  const meant = listedDevice(desk, needWords(rest, '/unlink NUMBER, as /devices shows them'));
  await desk.client.unlink(meant.device);
  desk.listedDevices = [];
  tell(desk, `${calledIn(meant.name)} is none of your devices any more`);
}

const LOST = [
  'It is taken off, and your account gets new keys, so that nothing on it can speak for you. This has a price:',
  '· Whoever you talk with is warned that your safety number has changed.',
  '· Your other devices have to be linked again.',
  '· What the device has received until now stays readable there.',
];

/** `/lost NUMBER`: takes the password, which whoever has the device lacks. */
export async function reportLost(desk: Desk, rest: string): Promise<void> {
  const meant = listedDevice(desk, needWords(rest, '/lost NUMBER, as /devices shows them'));
  const about = pageOf(`Lost or stolen: ${calledIn(meant.name)}`, LOST);
  await withPassword(desk, about, () => desk.client.reportLost(meant.device));
  desk.listedDevices = [];
  tell(desk, 'The device is out, and your account has new keys');
}

const RECLAIM = [
  'If it was you who logged in elsewhere: /link here instead, and complete the code there.',
  'If it was not you, take the account back: it gets new keys once more, those of the others end, your other devices have to be linked again, and whoever you talk with is warned. Then change your password (in the web client).',
];

/** `/reclaim`: another identity in the place of one that somebody else has made. */
export async function reclaim(desk: Desk): Promise<void> {
  if (alarmsOf(desk.client).get().general !== 'account.compromised') {
    throw new CommandError('nobody has made other keys for your account', EXIT.failed);
  }
  const about = pageOf('Take your account back', RECLAIM);
  await withPassword(desk, about, () => desk.client.renewIdentity());
  await alarmsOf(desk.client).refresh();
  tell(desk, 'Your account has new keys. Change your password, too');
}

/** The device of a number that `/devices` has shown, which is another one than this. Throws a `CommandError`. */
function listedDevice({ listedDevices }: Desk, number: string): OwnDevice {
  const meant = /^[1-9]\d?$/u.test(number) ? listedDevices[Number(number) - 1] : undefined;
  if (meant === undefined) {
    throw new CommandError('say the NUMBER of a device that /devices shows', EXIT.usage);
  }
  if (!meant.current) return meant;
  throw new CommandError('this is the device that you sit at: do that on another one', EXIT.usage);
}

/** `/link CODE`, and `/link` on a device whose account has got other keys elsewhere. */
export async function link(desk: Desk, rest: string): Promise<void> {
  if (rest === '') return linkAnew(desk);
  tell(desk, 'Linking…');
  await desk.client.completeLink(rest, { history: true });
  tell(desk, 'The device is one of yours now, and gets what was said in the last 30 days');
}

/** Shows a code for the device that has the account's new keys; what is kept here stays. */
async function linkAnew(desk: Desk): Promise<void> {
  if (alarmsOf(desk.client).get().general !== 'account.compromised') {
    throw new CommandError('call sotto link on the new device; then /link CODE here', EXIT.usage);
  }
  const { code, completed } = await desk.client.beginLink();
  const page = codePage(code);
  showPanel(desk, page);
  try {
    await completed;
  } finally {
    if (desk.state.get().panel === page) desk.change({ panel: undefined, scroll: 0 });
  }
  await desk.client.connect();
  await alarmsOf(desk.client).refresh();
  tell(desk, 'This device is one of yours again');
}

function codePage(code: string): Panel {
  const words = 'Let your other device read this, or type there: /link and the code.';
  return {
    title: 'Link this device again',
    rowsFor: (columns) => [
      ...wrapText(words, columns).map((row, at) => textRow(`words/${at}`, row, 'dim')),
      ...wrapText(code, columns).map((row, at) => textRow(`text/${at}`, row, 'strong')),
      ...qrRows(code).map((row, at) => textRow(`code/${at}`, row, 'code')),
    ],
  };
}
