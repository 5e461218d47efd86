/** The chat: from the first question to the last row that is drawn. */
import { alarmsOf } from '@sotto/hooks';
import { render } from 'ink';
import type { OpenAccount } from '../account/open-account.ts';
import type { Call } from '../call.ts';
import { openDesk } from '../chat/desk.ts';
import { followRequestsOn } from '../chat/requests.ts';
import { tellTrouble } from '../chat/telling.ts';
import { followTrouble } from '../chat/warnings.ts';
import { EXIT } from '../exit-code.ts';
import type { Asking } from '../input.ts';
import { ChatScreen } from './chat-screen.tsx';
import { enter } from './entrance.ts';

/** What is too wide for a terminal that counts other than we do is cut at the edge; the rows below stay where they are. */
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

/** Runs until the person ends it, or the call's signal does. Resolves to the exit code. */
export async function openChat(call: Call, asking: Asking): Promise<number> {
  const account = await enter(call, asking);
  try {
    return await chat(call, account);
  } finally {
    await account.close();
  }
}

async function chat(call: Call, { client, folder }: OpenAccount): Promise<number> {
  const me = await client.me();
  if (me === undefined) throw new Error('nobody is logged in'); // The entrance has seen to it.
  const ended = Promise.withResolvers<void>();
  const { workingDirectory } = call;
  const desk = openDesk({ client, me, workingDirectory, quit: ended.resolve });
  // From now on, so that nothing is missed that happens before it is shown.
  alarmsOf(client);
  const ends = [followTrouble(desk), followRequestsOn(desk)];
  process.stdout.write(NO_WRAP);
  const account = `${me.username} at ${new URL(folder.url).host}`;
  const screen = render(<ChatScreen desk={desk} account={account} />, {
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // A terminal is there: the entrance has asked a person. CI variables say nothing about that.
    interactive: true,
  });
  call.signal.addEventListener('abort', () => ended.resolve());
  client.connect().catch((error: unknown) => tellTrouble(desk, error));
  try {
    await Promise.race([ended.promise, screen.waitUntilExit()]);
  } finally {
    for (const end of ends) end();
    screen.unmount();
    await screen.waitUntilExit();
    process.stdout.write(WRAP);
  }
  return typeof call.signal.reason === 'number' ? call.signal.reason : EXIT.done;
}
