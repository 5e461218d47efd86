/** The key service as auth asks it which devices are on an account's list. */
import { ApiError, type DeviceId, type UserId } from '@sotto/api';
import { findDeviceList } from '@sotto/api/internal';
import { createApp, createLogger, createMetrics, type Fetch, mount } from '@sotto/runtime';
import { testGuards } from '@sotto/runtime/testing';

export interface KeyPeer {
  fetch: Fetch;
  lists: Map<UserId, readonly DeviceId[]>;
  /** While it is down it answers every question with a refusal. */
  isDown: boolean;
}

export function openKeyPeer(internalSecret: string): KeyPeer {
  const log = createLogger({ service: 'key', level: 'silent' });
  const app = createApp({ service: 'key', log, metrics: createMetrics('key') });
  const peer: KeyPeer = { fetch: app.fetch, lists: new Map(), isDown: false };
  mount(app, testGuards(internalSecret), findDeviceList, async ({ params: { user_id: user } }) => {
    if (peer.isDown) throw new ApiError('service.unavailable');
    const devices = peer.lists.get(user);
    return devices === undefined ? {} : { list: { user, version: 1, devices: [...devices] } };
  });
  return peer;
}
