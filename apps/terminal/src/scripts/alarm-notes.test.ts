/** What commands tell on standard error, of a client without a platform whose store has something to tell. */
import { type Alarms, createClient, openMemoryStore } from '@sotto/client';
import { expect, test } from 'vitest';
import { BOB } from '../chat/desk.fixture.ts';
import { noteNotices } from './alarm-notes.ts';

test('a command says a line for each notice that waits, and puts none away', async () => {
  const client = createClient({ url: 'http://127.0.0.1:1', store: openMemoryStore() });
  const alarms: Alarms = {
    identityChanged: [],
    logBroken: [],
    notices: [
      { kind: 'store-behind' },
      { kind: 'history-lost' },
      { kind: 'key-log-restored', time: Date.UTC(2026, 10, 22) },
      { kind: 'device-list-warning', user: BOB, warning: 'refused' },
    ],
  };
  const lines: string[] = [];
  const { me, people } = client;
  await noteNotices(
    { note: (line) => lines.push(line) },
    { me, people, alarms: async () => alarms },
  );
  expect(lines).toEqual([
    expect.stringMatching(/^sotto: this store is older/),
    expect.stringMatching(/^sotto: the history .* did not arrive$/),
    expect.stringMatching(/restored from a backup on 2026-11-22/),
    // Nobody can be asked for the name here.
    'sotto: the list of devices of bob is not theirs: nothing is sent (sotto verify bob)',
  ]);
});
