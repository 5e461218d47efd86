/** Commands about the devices of this account. */
import type { OwnDevice } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';
import { safeLine } from '../safe-text.ts';
import { textRow } from '../screen/row.tsx';
import { wrapText } from '../text-width.ts';
import { type Desk, showPanel, tell } from './desk.ts';
import { needWords } from './people-named.ts';

const HINT =
  'To add one: sotto link there shows a code, /link CODE here. To take one off for good: /unlink NUMBER.';

/** `/devices` */
export async function devices(desk: Desk): Promise<void> {
  const listed = await desk.client.devices();
  desk.listedDevices = listed;
  const texts = [...listed.map(deviceWords), HINT];
  const rowsFor = (columns: number) =>
    texts.flatMap((text, index) =>
      wrapText(text, columns).map((row, at) => textRow(`${index}/${at}`, row)),
    );
  showPanel(desk, { title: 'Your devices', rowsFor });
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
  const number = needWords(rest, '/unlink NUMBER, as /devices shows them');
  const meant = desk.listedDevices[Number(number) - 1];
  if (meant === undefined || !/^[1-9]\d?$/u.test(number)) {
    throw new CommandError('say the NUMBER of a device that /devices shows', EXIT.usage);
  }
  if (meant.current) {
    throw new CommandError(
      'this is the device that you sit at: take it off on another',
      EXIT.usage,
    );
  }
  await desk.client.unlink(meant.device);
  desk.listedDevices = [];
  tell(desk, `${calledIn(meant.name)} is none of your devices any more`);
}

/** `/link CODE` */
export async function link(desk: Desk, rest: string): Promise<void> {
  if (rest === '') {
    throw new CommandError('call sotto link on the new device; then /link CODE here', EXIT.usage);
  }
  tell(desk, 'Linking…');
  await desk.client.completeLink(rest, { history: true });
  tell(desk, 'The device is one of yours now, and gets what was said in the last 30 days');
}
