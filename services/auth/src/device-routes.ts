/** The devices of an account: each endpoint to one call of the domain. */
import { addDevice, listDevices, renameDevice, revokeDevice } from '@sotto/api';
import { type App, type Guards, mount } from '@sotto/runtime';
import {
  type AccountDevicesDeps,
  devicesOf,
  linkDevice,
  nameDevice,
  unlinkDevice,
} from './account-devices.ts';
import { actorOf } from './session-list.ts';

/** Mounts them. */
export function deviceRoutes(app: App, guards: Guards, deps: AccountDevicesDeps): void {
  mount(app, guards, listDevices, async ({ caller }) => ({
    devices: await devicesOf(deps, caller),
  }));
  mount(app, guards, addDevice, async (call) => ({
    device: await linkDevice(deps, actorOf(call), call.body),
  }));
  mount(app, guards, renameDevice, (call) => {
    return nameDevice(deps, actorOf(call), {
      device: call.params.device_id,
      name: call.body.name,
    });
  });
  mount(app, guards, revokeDevice, (call) => {
    return unlinkDevice(deps, actorOf(call), call.params.device_id);
  });
}
