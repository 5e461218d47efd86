/** The part of a client that is about the account: coming in and going, devices, identity. */
import {
  changePassword,
  type DeviceId,
  deleteAccount,
  exportAccount,
  listSessions,
  logoutEverywhere,
  renewRecoveryCode,
  type SessionId,
} from '@sotto/api';
import {
  type Credentials,
  endOneSession,
  findAccount,
  logIn,
  logInByDevice,
  logOut,
  type Me,
} from './account/account.ts';
import { keepKeys } from './account/key-upkeep.ts';
import type { createLinking } from './account/link-answer.ts';
import type { ClientCore } from './client-core.ts';
import type { AccountDoor, DeviceDoor } from './client-interface.ts';
import type { Abortable } from './connection/heeding.ts';
import { loadLatePart } from './load-late.ts';
import type { OutboxEntry } from './messages/outbox-entry.ts';

/** What an application calls about the account of a client's store. */
export function openAccountDoor(core: ClientCore): AccountDoor {
  const { account, call, events } = core;
  return {
    me: () => findAccount(core.store),
    async register(entry) {
      const { registerAccount } = await loadLatePart();
      return registerAccount(account, entry);
    },
    login: (credentials) => logInTo(core, credentials),
    async recover(recovery) {
      const { recoverAccount } = await loadLatePart();
      return recoverAccount(account, recovery);
    },
    async logout() {
      await core.disconnect();
      await logOut(account);
      events.emit('logged-out', {});
    },
    async logoutEverywhere() {
      await call(logoutEverywhere, {});
      await core.leave();
    },
    async sessions() {
      return (await call(listSessions, {})).sessions;
    },
    async endSession(session: SessionId) {
      await endOneSession(account, session);
    },
    async changePassword(change: { currentPassword: string; newPassword: string }) {
      await call(changePassword, { body: change });
    },
    async renewRecoveryCode(password: string) {
      return (await call(renewRecoveryCode, { body: { password } })).recoveryCode;
    },
    async deleteAccount(password: string) {
      await call(deleteAccount, { body: { password } });
      await core.leave();
    },
    exportData: ({ signal } = {}) => call(exportAccount, {}, { signal }),
  };
}

async function logInTo(core: ClientCore, credentials: Credentials | undefined): Promise<Me> {
  if (credentials === undefined) return logInByDevice(core.account);
  let failed: readonly OutboxEntry[] = [];
  const me = await logIn(core.account, credentials, async () => {
    const { becomeAnotherDevice } = await loadLatePart();
    return async (...given) => {
      failed = await becomeAnotherDevice(...given);
      return failed;
    };
  });
  // Also when it is being read just now which device this is.
  if (core.knownDevice !== me.device) {
    await core.disconnect();
    core.forgetLocal();
  }
  for (const { id, conversation } of failed) {
    core.events.emit('failed', { id, conversation, code: 'auth.device-unknown' });
  }
  return me;
}

/** What an application calls about the devices of the account. */
export function openDeviceDoor(core: ClientCore): DeviceDoor {
  let completeLink: ReturnType<typeof createLinking> | undefined;
  return {
    async devices() {
      const { listOwnDevices } = await loadLatePart();
      return listOwnDevices(await core.peerDeps());
    },
    async renameDevice(device: DeviceId, name: string) {
      const { nameOwnDevice } = await loadLatePart();
      await nameOwnDevice(await core.peerDeps(), { device, name });
    },
    beginLink: (options = {}) => beginLinkTo(core, options),
    async completeLink(code, options = {}) {
      const late = await loadLatePart();
      completeLink ??= late.createLinking();
      return completeLink(await core.deviceDeps(), code, options);
    },
    async unlink(device: DeviceId) {
      const { unlinkDevice, unlinkThisDevice } = await loadLatePart();
      const deps = await core.deviceDeps();
      if (device !== deps.local.address.device) return unlinkDevice(deps, device);
      await unlinkThisDevice(deps);
      await core.leave();
    },
    async reportLost(device: DeviceId) {
      const { reportLostDevice } = await loadLatePart();
      await core.changeIdentity((deps) => reportLostDevice(deps, device));
    },
    async renewIdentity() {
      const { makeNextIdentity } = await loadLatePart();
      await core.changeIdentity(makeNextIdentity);
    },
  };
}

async function beginLinkTo(core: ClientCore, { signal: given }: Abortable) {
  const { beginLink } = await loadLatePart();
  const join = async () => {
    await core.disconnect();
    core.forgetLocal();
    await keepKeys(await core.peerDeps());
  };
  const reload = async () => {
    await core.disconnect();
    core.forgetLocal();
    core.deviceKey.reload();
    core.account.tokens.reload();
  };
  const onHistoryLost = (error: unknown) => core.events.emit('history-lost', { error });
  const signal = given ? AbortSignal.any([core.closing, given]) : core.closing;
  return beginLink({ ...core.account, signal, join, reload, onHistoryLost });
}
