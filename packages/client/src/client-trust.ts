/** The part of a client that is about whom to believe: safety numbers, changed identities, the key log. */
import type { UserId } from '@sotto/api';
import type { ClientCore } from './client-core.ts';
import type { TrustDoor } from './client-interface.ts';
import { loadLatePart } from './load-late.ts';
import { readAlarms } from './trust/alarms.ts';
import { dismissNotice, type Notice } from './trust/notices.ts';

/** What an application calls when a person has compared numbers, or has asked the operator. */
export function openTrustDoor(core: ClientCore): TrustDoor {
  const { store } = core;
  return {
    alarms: () => readAlarms(store),
    dismissNotice: (notice: Notice) => dismissNotice(store, notice),
    async safetyNumber(user: UserId) {
      const { compareIdentities } = await loadLatePart();
      return compareIdentities(await core.peerDeps(), user);
    },
    async acceptIdentity(user: UserId, shown?: string) {
      const { acceptIdentity, pardonContact, readBrokenGroups } = await loadLatePart();
      await acceptIdentity(await core.peerDeps(), { user, shown, now: core.clock() });
      await store.transaction((transaction) => pardonContact(transaction, user));
      // What came while a log waited for this can be asked for once it was read.
      const tell = (error: unknown) => core.tell(error);
      const reading = readBrokenGroups(await core.groupDeps(), tell);
      core.inBackground(reading.then(() => core.learnAgain()));
      core.learnAgain();
    },
    async acceptKeyLog() {
      const { forgetKeyLog } = await loadLatePart();
      await forgetKeyLog(store);
      core.wake();
    },
  };
}
