/** Published vectors of groups and signed lists; see `own-vectors.fixture.ts`. */
import { utf8 } from './bytes.ts';
import { makeAgreementKeyPair } from './curve.ts';
import { signDeviceList } from './device-list.ts';
import { digestDeviceLists } from './device-lists-digest.ts';
import { makeSigningKeyPair } from './ed25519.ts';
import type { Head } from './head.ts';
import { toHex } from './hex.fixture.ts';
import {
  accountHeadAfter,
  blindAccount,
  cosignTreeHead,
  digestKey,
  encodeKeyLogLeaf,
  signTreeHead,
} from './key-log.ts';
import type { Identity } from './keys.ts';
import type { MembershipAction } from './membership-entry.ts';
import {
  createMembershipLog,
  departedEntry,
  type MembershipStep,
  signMembershipEntry,
} from './membership-log.ts';
import { appendLeaf, emptyTree, leafHashOf, rootOf } from './merkle-tree.ts';
import { aliceAddress, bobAddress, now } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import type { Provider } from './provider.ts';
import { encodeLinkOffer, encodeProvision, linkChannel, sealProvision } from './provisioning.ts';
import {
  acceptDistribution,
  decryptGroupMessage,
  encodeDistribution,
  encryptGroupMessage,
  makeSenderChain,
} from './sender-key.ts';
import { encodeSenderChain, encodeSenderKeyRecord } from './sender-key-state.ts';

type Vectors = Record<string, unknown>;

const conversation = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4c01';
const [ann, bob, cat] = [
  aliceAddress.user,
  bobAddress.user,
  '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a03',
];

/** A chain from its distribution on: three messages, of which the receiver gets the third first. */
export function senderKeyVectors(provider: Provider): Vectors {
  let chain = makeSenderChain(provider);
  const place = { conversation, sender: aliceAddress };
  const distribution = encodeDistribution(chain, conversation);
  let record = acceptDistribution(provider, undefined, { distribution, conversation });
  const initial = {
    chain: toHex(encodeSenderChain(chain)),
    record: toHex(encodeSenderKeyRecord(record)),
  };
  const sent = ['one', 'two', 'three'].map((text) => {
    const { message, chain: next } = encryptGroupMessage(provider, chain, {
      place,
      plaintext: utf8(text),
    });
    chain = next;
    return {
      text,
      message: toHex(message),
      chain: toHex(encodeSenderChain(chain)),
      bytes: message,
    };
  });
  const received = [sent[2]!, sent[0]!].map(({ text, bytes }) => {
    record = decryptGroupMessage(provider, record, { place, message: bytes }).record;
    return { text, record: toHex(encodeSenderKeyRecord(record)) };
  });
  return {
    conversation,
    sender: aliceAddress,
    initial,
    distribution: toHex(distribution),
    sent: sent.map(({ bytes: _, ...step }) => step),
    received,
  };
}

/** Two versions of one list. */
export function deviceListVectors(provider: Provider): Vectors {
  const identity = makeIdentity(provider);
  const [phone, laptop] = [aliceAddress.device, bobAddress.device].map((device, index) => ({
    device,
    deviceKey: makeSigningKeyPair<'device'>(provider).publicKey,
    registrationId: 4711 + index,
  }));
  const first = signDeviceList(provider, identity, {
    user: ann,
    time: now,
    devices: [phone!],
    previous: undefined,
  });
  const second = signDeviceList(provider, identity, {
    user: ann,
    time: now + 1,
    devices: [phone!, laptop!],
    previous: first.head,
  });
  return {
    identity_key: toHex(identity.publicKey),
    user: ann,
    devices: [phone!, laptop!].map(({ deviceKey, ...entry }) => ({
      ...entry,
      device_key: toHex(deviceKey),
    })),
    versions: [first, second].map(({ encoded, head }) => ({
      encoded: toHex(encoded),
      hash: toHex(head.hash),
    })),
  };
}

/** Of no member, of one without a list, and of three in no order. */
export function deviceListsDigestVectors(provider: Provider): Vectors {
  const groups = [
    [],
    [{ user: ann, version: 0 }],
    [
      { user: cat, version: 7 },
      { user: ann, version: 0xffff_ffff },
      { user: bob, version: 0 },
    ],
  ];
  return {
    digests: groups.map((lists) => ({ lists, digest: toHex(digestDeviceLists(provider, lists)) })),
  };
}

/** One entry of each kind, with the members after it. */
export function membershipLogVectors(provider: Provider): Vectors {
  const identities = new Map<string, Identity>(
    [ann, bob].map((user) => [user, makeIdentity(provider)]),
  );
  const authorOf = (user: string) => ({ user, identity: identities.get(user)! });
  const group = { conversation, time: now, users: [bob] };
  const steps: MembershipStep[] = [createMembershipLog(provider, authorOf(ann), group)];
  const last = () => steps.at(-1)!.membership;
  const sign = (user: string, action: MembershipAction) => {
    const input = { author: authorOf(user), membership: last() };
    steps.push(signMembershipEntry(provider, input, { action, time: now }));
  };
  sign(ann, { type: 'add', users: [cat] });
  sign(ann, { type: 'role', user: bob, role: 'admin' });
  sign(bob, { type: 'rename', titleHash: new Uint8Array(32).fill(0x44) });
  sign(bob, { type: 'remove', users: [ann] });
  steps.push(departedEntry(provider, last(), { user: bob, time: now }));
  return {
    conversation,
    identity_keys: Object.fromEntries(
      [...identities].map(([user, { publicKey }]) => [user, toHex(publicKey)]),
    ),
    entries: steps.map(({ encoded, membership }) => ({
      encoded: toHex(encoded),
      hash: toHex(membership.head.hash),
      members: membership.members,
    })),
  };
}

/** Two leaves of one account, one of a restore, and the signed head over them. */
export function keyLogVectors(provider: Provider): Vectors {
  const blindingKey = provider.randomBytes(32);
  const account = blindAccount(provider, blindingKey, ann);
  const leaves: Uint8Array[] = [];
  let head: Head | undefined;
  const identities = [makeIdentity(provider), makeIdentity(provider)];
  for (const { publicKey: identityKey } of identities) {
    const keyDigest = digestKey(provider, blindingKey, { user: ann, identityKey });
    const version = (head?.version ?? 0) + 1;
    const previousHash = head?.hash ?? new Uint8Array(32);
    const leaf = encodeKeyLogLeaf({ type: 'account', account, version, previousHash, keyDigest });
    head = accountHeadAfter(provider, { account, before: head }, leaf);
    leaves.push(leaf);
  }
  leaves.push(encodeKeyLogLeaf({ type: 'restored', incarnation: 2, time: now }));
  let tree = emptyTree;
  for (const leaf of leaves) tree = appendLeaf(provider, tree, leafHashOf(provider, leaf)).tree;
  const logKey = makeSigningKeyPair<'key-log'>(provider);
  const witness = makeSigningKeyPair<'witness'>(provider);
  const treeHead = { size: tree.size, root: rootOf(provider, tree), time: now };
  const encoded = signTreeHead(provider, logKey, treeHead);
  return {
    blinding_key: toHex(blindingKey),
    user: ann,
    identity_keys: identities.map(({ publicKey }) => toHex(publicKey)),
    leaves: leaves.map((leaf) => ({ leaf: toHex(leaf), hash: toHex(leafHashOf(provider, leaf)) })),
    root: toHex(treeHead.root),
    log_key: toHex(logKey.publicKey),
    tree_head: toHex(encoded),
    witness_key: toHex(witness.publicKey),
    cosignature: toHex(cosignTreeHead(provider, witness, encoded)),
  };
}

/** An offer and the message for it, with everything that it may carry. */
export function provisioningVectors(provider: Provider): Vectors {
  const ephemeral = makeAgreementKeyPair<'provisioning'>(provider);
  const device = makeSigningKeyPair<'device'>(provider);
  const offer = { ephemeralKey: ephemeral.publicKey, deviceKey: device.publicKey };
  const head = (version: number) => ({ version, hash: provider.randomBytes(32) });
  const key = () => provider.randomBytes(32);
  const provision = {
    user: ann,
    username: 'ann',
    device: aliceAddress.device,
    identitySeed: makeIdentity(provider).seed,
    deviceList: head(3),
    keyLog: head(1),
    log: { logKey: key(), blindingKey: key(), size: 7, root: key() },
    contacts: [
      { user: bob, identityKey: key(), keyLog: head(2), deviceList: head(5) },
      { user: cat, identityKey: key() },
    ],
  };
  const vectors = {
    ephemeral_secret: toHex(ephemeral.secretKey),
    offer: toHex(encodeLinkOffer(offer)),
    channel: toHex(linkChannel(provider, offer)),
    plaintext: toHex(encodeProvision(provision)),
    message: toHex(sealProvision(provider, offer, provision)),
  };
  const history = { file: cat, key: key(), digest: key() };
  const plaintext = encodeProvision({ ...provision, history });
  return { ...vectors, plaintext_with_history: toHex(plaintext) };
}
