/** What a person has to know about whom to believe: what waits for a decision, and what has happened, as the SDK's store has it. */
import type { Alarms, Client, ClientEvent, Notice, Observable } from '@sotto/client';
import type { ConversationId, UserId } from './ids.ts';
import { createSettable } from './settable.ts';

/** A reason to be careful with somebody's list of devices. */
export type DeviceNotice = Extract<Notice, { kind: 'device-list-warning' }>;

/** What has happened to the account as a whole. */
export type AccountNotice = Exclude<Notice, DeviceNotice>;

/** Everything at once. */
export interface AlarmView extends Alarms {
  readonly brokenGroups: readonly ConversationId[];
}

/** The one book of a client. */
export interface AlarmBook extends Observable<AlarmView> {
  /**
   * A person has seen a notice: exactly this one, so that what has taken its place meanwhile stays. Rejects as writing and
   * reading the store do; it is shown on then.
   */
  readonly dismiss: (seen: Notice) => Promise<void>;
  /** Reads everything anew, after a decision. Rejects as reading the store does. */
  readonly refresh: () => Promise<void>;
}

/** What the book needs of a client. */
export type BookDeps = Pick<Client, 'on' | 'alarms' | 'dismissNotice' | 'conversations'>;

/** What tells that there may be something new. */
const REASONS = [
  'identity-changed',
  'account-compromised',
  'key-log-broken',
  'group-broken',
  'store-behind',
  'history-lost',
  'key-log-restored',
  'device-list-warning',
  // A decision may have been made in another tab or program, or the identity renewed.
  'conversation',
  'connected',
] as const satisfies readonly ClientEvent[];

const books = new WeakMap<BookDeps, AlarmBook>();

/** The book of a client, kept from the first time that somebody asks for it. */
export function alarmsOf(client: BookDeps): AlarmBook {
  const book = books.get(client) ?? openAlarmBook(client);
  books.set(client, book);
  return book;
}

/** What a person is to know about somebody's devices. */
export function deviceNoticeOf({ notices }: AlarmView, user: UserId): DeviceNotice | undefined {
  return notices.filter(isAboutDevices).find((notice) => notice.user === user);
}

/** What they are to know wherever they are. */
export function accountNotices({ notices }: AlarmView): readonly AccountNotice[] {
  return notices.filter((notice) => !isAboutDevices(notice));
}

/** Reads what there is, and listens from now on. */
function openAlarmBook(client: BookDeps): AlarmBook {
  const view = createSettable<AlarmView>({
    identityChanged: [],
    logBroken: [],
    notices: [],
    brokenGroups: [],
  });
  /** Which of the questions was asked last, and which was answered by what is shown. */
  let [asked, shown] = [0, 0];
  const refresh = async (): Promise<void> => {
    asked += 1;
    const mine = asked;
    const answer = await readAll(client);
    // Somebody was warned by a later answer: an older one does not take that back.
    if (mine < shown) return;
    shown = mine;
    view.set(answer);
  };
  // What cannot be read now is read with the next event; a closed client has no more to tell.
  const read = () => void refresh().catch(() => undefined);
  for (const reason of REASONS) client.on(reason, read);
  read();
  return {
    get: view.get,
    subscribe: view.subscribe,
    async dismiss(seen) {
      await client.dismissNotice(seen);
      await refresh();
    },
    refresh,
  };
}

async function readAll(client: BookDeps): Promise<AlarmView> {
  const [alarms, conversations] = await Promise.all([client.alarms(), client.conversations()]);
  const brokenGroups = conversations.flatMap((one) =>
    one.kind === 'group' && one.broken !== undefined ? [one.id] : [],
  );
  return { ...alarms, brokenGroups };
}

function isAboutDevices(notice: Notice): notice is DeviceNotice {
  return notice.kind === 'device-list-warning';
}
