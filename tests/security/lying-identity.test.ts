/**
 * A platform that lies about who people and devices are: about members, users, a device's own past, what a device is
 * linked to, and what was restored. Each time the SDK refuses or warns (docs/lying-platform.md).
 */
import { randomUUID } from 'node:crypto';
import {
  getBundle,
  getUser,
  listConversations,
  listMembership,
  loginByDevice,
  takeProvisioning,
  type UserId,
} from '@sotto/api';
import { downloadFile } from '@sotto/api/files';
import { makeRecoveryKey } from '@sotto/client/backup';
import { makeIdentity } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { foundGroup, openStage, say, showSlots, textsIn } from './lies.ts';
import { until } from './scene.ts';
import { impersonated } from './unsound-bundles.ts';

const PASSWORD = 'Correct-Horse-7';

const stage = openStage();

test.concurrent('a group that is shown as it was before is broken, and gets nothing', async () => {
  const { scene, alice, bob } = await stage.acquainted();
  const carol = await scene.enter('carol', stage.url());
  const group = await foundGroup(alice, [bob, carol]);
  await alice.client.groups.remove(group, [carol.user]);
  scene.proxy.rewrite(listMembership, (page) => ({
    version: 1,
    entries: page.entries.filter(({ version }) => version === 1),
  }));
  scene.proxy.rewrite(listConversations, (page) => ({
    ...page,
    conversations: page.conversations.map((known) =>
      known.id === group
        ? { ...known, version: 1, members: [...known.members, carol.user] }
        : known,
    ),
  }));
  await scene.restart(alice);
  await scene.untilHeard('group-broken');
  expect(scene.heard).toContainEqual([
    'group-broken',
    { conversation: group, cause: 'head.rolled-back' },
  ]);
  scene.proxy.sends.length = 0;
  await alice.client.sendText(group, 'without Carol');
  await scene.untilTrouble('group.broken');
  expect(scene.proxy.sends).toEqual([]);
});

test.concurrent('who is listed as a member, and a title, count for nothing without a signature', async () => {
  const { scene, alice, bob } = await stage.acquainted();
  const mallory = await scene.enter('mallory', stage.url());
  const group = await foundGroup(alice, [bob], 'Ours');
  scene.proxy.rewrite(listConversations, (page) => ({
    ...page,
    conversations: page.conversations.map((known) =>
      known.id === group
        ? {
            ...known,
            ...{ members: [...known.members, mallory.user], version: known.version + 1 },
            title: new Uint8Array(40).fill(7),
          }
        : known,
    ),
  }));
  await scene.restart(alice);
  scene.proxy.sends.length = 0;
  await say(alice, group, 'for the two of us');
  await until(async () => (await textsIn(bob, group)).length === 1);
  const addressed = scene.proxy.sends.flatMap(({ message }) =>
    message.kind === 'group' ? [] : message.recipients.map(({ device }) => device),
  );
  expect(new Set(addressed)).toEqual(new Set([bob.device]));
  const known = (await alice.client.conversations()).find(({ id }) => id === group);
  expect(known).toMatchObject({ members: [alice.user, bob.user], title: 'Ours' });
});

test.concurrent('a greeting that is for another device is refused before anything is sent', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  scene.proxy.reframe = (frame) =>
    frame.type === 'hello' ? [{ ...frame, device: bob.device, sent: 400 }] : [frame];
  await scene.restart(alice);
  await alice.client.sendText(conversation, 'later');
  await scene.untilTrouble('answer.invalid');
  expect(scene.proxy.sends).toEqual([]);
  scene.proxy.reframe = (frame) => [frame];
  await until(async () => (await textsIn(bob, conversation)).includes('later'));
  expect(scene.heard.some(([name]) => name === 'store-behind')).toBe(false);
  scene.proxy.reframe = (frame) => (frame.type === 'hello' ? [{ ...frame, sent: 400 }] : [frame]);
  await scene.restart(alice);
  await scene.untilHeard('store-behind');
});

test.concurrent('a user who is not the one asked for is not taken for that one', async () => {
  const { scene, alice, bob } = await stage.acquainted();
  scene.proxy.rewrite(getUser, () => ({ user: randomUUID() as UserId, username: bob.username }));
  const finding = alice.client.people.find(bob.user);
  await expect(finding).rejects.toMatchObject({ code: 'answer.invalid' });
});

test.concurrent('a device that is answered by the platform is linked to nothing', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  const linking = async (name: string) => {
    const phone = scene.open(name);
    const { code, completed } = await phone.beginLink();
    const answering = alice.client.completeLink(code, { history: true });
    answering.catch(() => {});
    return { phone, completed, answering };
  };
  scene.proxy.rewrite(takeProvisioning, ({ message }) => ({
    message: message.with(-1, message.at(-1)! ^ 1),
  }));
  const refused = await linking('refused');
  await expect(refused.completed).rejects.toMatchObject({ code: 'link.refused' });
  expect(await refused.phone.me()).toBeUndefined();

  scene.proxy.rewrite(takeProvisioning, (answer) => answer);
  scene.proxy.rewrite(loginByDevice, (answer) => ({ ...answer, user: bob.user }));
  const another = await linking('another');
  await expect(another.completed).rejects.toMatchObject({ code: 'answer.invalid' });

  scene.proxy.rewrite(loginByDevice, (answer) => answer);
  scene.proxy.rewriteBytes(downloadFile, (bytes) => {
    bytes[bytes.length - 1]! ^= 1;
    return bytes;
  });
  const { phone, completed, answering } = await linking('phone');
  await completed;
  await answering;
  expect(scene.heard).toContainEqual([
    'history-lost',
    { error: expect.objectContaining({ code: 'file.damaged' }) },
  ]);
  expect(await phone.history(conversation)).toEqual([]);
});

test.concurrent('what was restored from a backup is held to what it knows', async () => {
  const { scene, alice, bob, conversation } = await stage.acquainted();
  const group = await foundGroup(alice, [bob]);
  await alice.client.groups.rename(group, 'Ours');
  scene.proxy.sends.length = 0;
  const words = makeRecoveryKey();
  const backup = await new Response((await alice.client.exportBackup(words)) as BodyInit).blob();
  const mallory = makeIdentity(nodeProvider);
  scene.proxy.rewrite(getBundle, (bundle) =>
    bundle.user === bob.user ? impersonated(bundle, mallory) : bundle,
  );
  scene.proxy.rewrite(listMembership, () => ({ version: 1, entries: [] }));
  const client = scene.open('restored');
  await client.restoreBackup(words, backup);
  await client.login({ username: alice.username, password: PASSWORD });
  await client.connect();
  await client.sendText(conversation, 'is it you?');
  await scene.untilHeard('identity-changed');
  await scene.untilHeard('group-broken');
  expect(scene.proxy.sends.filter(({ message }) => message.kind !== 'targeted')).toEqual([]);
  // What came with the backup is nobody's to replace; and what was kept from it so is missed, and fetched.
  showSlots(scene, (slot) =>
    slot.type === 'message' && slot.kind === 'direct' ? [{ ...slot, seq: 1 }] : [slot],
  );
  await say(bob, conversation, 'I said so');
  showSlots(scene, (slot) => [slot]);
  await say(bob, conversation, 'I say so');
  const restored = { ...alice, client };
  await until(async () => (await textsIn(restored, conversation)).includes('I say so'));
  expect(await textsIn(restored, conversation)).toEqual(['hello', 'I said so', 'I say so']);
});
