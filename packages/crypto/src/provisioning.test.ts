/** Linking: what comes for an offer is read by who made it, and by nobody else. */
import { describe, expect, test } from 'vitest';
import badKeys from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { concat } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { makeAgreementKeyPair } from './curve.ts';
import { makeSigningKeyPair } from './ed25519.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import { fromHex } from './hex.fixture.ts';
import { PROVISION_BYTES_MAX, PROVISION_CONTACTS_MAX } from './limits.ts';
import { aliceAddress, bobAddress } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import type { Provider } from './provider.ts';
import { fastProvider, providers } from './providers.fixture.ts';
import {
  decodeLinkOffer,
  decodeProvision,
  encodeLinkOffer,
  encodeProvision,
  linkChannel,
  openProvision,
  type Provision,
  type ProvisionedContact,
  sealProvision,
} from './provisioning.ts';

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const head = (version: number, fill: number) => ({ version, hash: bytes(fill) });
const historyOf = (fill: number) => ({
  file: bobAddress.device,
  key: bytes(fill),
  digest: bytes(fill + 1),
});

function makeProvision(provider: Provider, contacts?: readonly ProvisionedContact[]): Provision {
  return {
    user: aliceAddress.user,
    username: 'alice',
    device: aliceAddress.device,
    identitySeed: makeIdentity(provider).seed,
    deviceList: head(4, 1),
    keyLog: head(2, 2),
    log: { logKey: bytes(3), blindingKey: bytes(4), size: 9, root: bytes(5) },
    contacts: contacts ?? [
      { user: bobAddress.user, identityKey: bytes(6), keyLog: head(1, 7), deviceList: head(3, 8) },
    ],
  };
}

function makeOffer(provider: Provider) {
  const ephemeral = makeAgreementKeyPair<'provisioning'>(provider);
  const { publicKey: deviceKey } = makeSigningKeyPair<'device'>(provider);
  const offer = { ephemeralKey: ephemeral.publicKey, deviceKey };
  return { offer, opening: { ephemeral, deviceKey } };
}

describe.each(providers)('on the $name provider', (provider) => {
  test('a provision arrives as it was, for the offer that a code stands for', () => {
    const { offer, opening } = makeOffer(provider);
    const scanned = decodeLinkOffer(provider, encodeLinkOffer(offer));
    expect(scanned).toEqual(offer);
    const provision = makeProvision(provider);
    const message = sealProvision(provider, scanned, provision);
    expect(openProvision(provider, opening, message)).toEqual(provision);
    expect(linkChannel(provider, scanned)).toEqual(linkChannel(provider, offer));
  });

  test('an offer with another key in it has another channel', () => {
    const [{ offer }, { offer: other }] = [makeOffer(provider), makeOffer(provider)];
    const channel = linkChannel(provider, offer);
    for (const changed of [{ ephemeralKey: other.ephemeralKey }, { deviceKey: other.deviceKey }]) {
      expect(linkChannel(provider, { ...offer, ...changed })).not.toEqual(channel);
    }
  });

  test('a provision may lack everything that a new account lacks', () => {
    const { keyLog: _, log: __, ...least } = makeProvision(provider, []);
    const { offer, opening } = makeOffer(provider);
    const message = sealProvision(provider, offer, least);
    expect(openProvision(provider, opening, message)).toEqual(least);
  });

  test('a provision may name a history that goes with it', () => {
    const { offer, opening } = makeOffer(provider);
    const provision = { ...makeProvision(provider), history: historyOf(9) };
    const message = sealProvision(provider, offer, provision);
    expect(openProvision(provider, opening, message)).toEqual(provision);
  });

  test('the offer of another device opens nothing, nor does the same key with another device key', () => {
    const { offer, opening } = makeOffer(provider);
    const message = sealProvision(provider, offer, makeProvision(provider));
    const other = makeOffer(provider).opening;
    for (const wrong of [other, { ...opening, deviceKey: other.deviceKey }]) {
      const open = () => openProvision(provider, wrong, message);
      expect(open).toThrow(withCode('message.undecryptable'));
    }
  });

  test('no changed bit and no missing byte is accepted', () => {
    const { offer, opening } = makeOffer(provider);
    const message = sealProvision(provider, offer, makeProvision(provider));
    for (let at = 0; at < message.length; at += 1 + (at > 40 ? 30 : 0)) {
      const changed = message.slice();
      changed[at]! ^= 1;
      expect(() => openProvision(provider, opening, changed)).toThrow();
    }
    const cut = message.subarray(0, 40);
    expect(() => openProvision(provider, opening, cut)).toThrow(withCode('encoding.invalid'));
  });
});

const provider = fastProvider;

test('two messages to one offer share no key', () => {
  const { offer } = makeOffer(provider);
  const provision = makeProvision(provider);
  const [one, two] = [0, 1].map(() => sealProvision(provider, offer, provision));
  expect(one!.subarray(1, 33)).not.toEqual(two!.subarray(1, 33));
  expect(one!.subarray(33)).not.toEqual(two!.subarray(33));
});

test('an unsound key is refused in a code and in a message', () => {
  const { offer, opening } = makeOffer(provider);
  const message = sealProvision(provider, offer, makeProvision(provider));
  const bad = [
    ...badKeys.low_order,
    ...badKeys.low_order_high_bit_set,
    ...badKeys.non_canonical,
    badKeys.high_bit_set_same_key,
    ...badKeys.torsioned_same_dh.map(({ public: key }) => key),
  ].map(fromHex);
  for (const key of bad) {
    const code = concat(Uint8Array.of(1), key, offer.deviceKey);
    expect(() => decodeLinkOffer(provider, code)).toThrow(/key/);
    const changed = concat(message.subarray(0, 1), key, message.subarray(33));
    expect(() => openProvision(provider, opening, changed)).toThrow(/key/);
  }
  const code = concat(encodeLinkOffer(offer).subarray(0, 33), new Uint8Array(32));
  expect(() => decodeLinkOffer(provider, code)).toThrow(withCode('key.low-order'));
});

test('a code of another version or length is refused', () => {
  const code = encodeLinkOffer(makeOffer(provider).offer);
  const newer = concat(Uint8Array.of(2), code.subarray(1));
  expect(() => decodeLinkOffer(provider, newer)).toThrow(withCode('encoding.unsupported'));
  for (const wrong of [code.subarray(0, 64), concat(code, Uint8Array.of(0)), new Uint8Array()]) {
    expect(() => decodeLinkOffer(provider, wrong)).toThrow(withCode('encoding.invalid'));
  }
});

test('the largest provision fits into what a platform passes on, and one more contact is refused', () => {
  const { offer, opening } = makeOffer(provider);
  const full = {
    ...makeProvision(provider, contactsOf(PROVISION_CONTACTS_MAX)),
    history: historyOf(9),
  };
  const message = sealProvision(provider, offer, full);
  expect(message.length).toBeLessThanOrEqual(PROVISION_BYTES_MAX);
  expect(openProvision(provider, opening, message)).toEqual(full);
  const more = makeProvision(provider, contactsOf(PROVISION_CONTACTS_MAX + 1));
  expect(() => sealProvision(provider, offer, more)).toThrow(withCode('input.invalid'));
});

test('contacts have one order, and a provision one size of a few', () => {
  const [first, second] = contactsOf(2);
  for (const wrong of [
    [second!, first!],
    [first!, first!],
  ]) {
    const sealing = () => encodeProvision(makeProvision(provider, wrong));
    expect(sealing).toThrow(withCode('input.invalid'));
  }
  const sizes = [0, 1, 2].map(
    (count) => encodeProvision(makeProvision(provider, contactsOf(count))).length,
  );
  expect(sizes).toEqual([256, 512, 512]);
});

test('hostile plaintexts come back as they were, or a typed error does', {
  timeout: 600_000,
}, () => {
  const { keyLog: _, log: __, ...least } = makeProvision(provider, []);
  const most = { ...makeProvision(provider), history: historyOf(9) };
  const samples = [makeProvision(provider), least, most].map(encodeProvision);
  const roundTrip = (encoded: Uint8Array) => encodeProvision(decodeProvision(encoded));
  checkDecoder({ name: 'provisions', samples, roundTrip });
});

function contactsOf(count: number): ProvisionedContact[] {
  return Array.from({ length: count }, (_, index) => ({
    user: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    identityKey: bytes(1),
    keyLog: head(1, 2),
    deviceList: head(1, 3),
  }));
}
