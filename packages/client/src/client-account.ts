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
  type NewAccount,
  type Recovery,
  recoverAccount,
  registerAccount,
} from './account/account.ts';
import { keepKeys } from './account/key-upkeep.ts';
import type { CompleteLinkOptions, createLinking } from './account/link-answer.ts';
import type { ClientCore } from './client-core.ts';
import type { AccountDoor, DeviceDoor } from './client-interface.ts';
import { loadLatePart } from './load-late.ts';

/** What an application calls about the account of a client's store. */
export function openAccountDoor(core: ClientCore): AccountDoor {
  const { account, call, events } = core;
  return {
    me: () => findAccount(core.store),
    register: (entry: NewAccount) => registerAccount(account, entry),
    async login(credentials?: Credentials) {
      if (credentials === undefined) return logInByDevice(account);
      const me = await logIn(account, credentials);
      if (core.knownDevice !== undefined && core.knownDevice !== me.device) {
        await core.disconnect();
        core.forgetLocal();
      }
      return me;
    },
    recover: (recovery: Recovery) => recoverAccount(account, recovery),
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
    exportData: () => call(exportAccount, {}),
  };
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
    beginLink: () => beginLinkTo(core),
    async completeLink(code: string, options: CompleteLinkOptions = {}) {
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

async function beginLinkTo(core: ClientCore) {
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
  return beginLink({ ...core.account, signal: core.closing, join, reload, onHistoryLost });
}
