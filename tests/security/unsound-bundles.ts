/** Bundles that no honest platform hands out: of an impostor, with an invented device, and with unsound keys. */
import { randomUUID } from 'node:crypto';
import type { Bundle, DeviceId } from '@sotto/api';
import {
  type Identity,
  makeSignedPrekey,
  makeSigningKeyPair,
  signDeviceList,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import cctv from '../../packages/crypto/vectors/ed25519-edge/cctv_ed25519vectors.json' with {
  type: 'json',
};
import speccheck from '../../packages/crypto/vectors/ed25519-edge/speccheck_cases.json' with {
  type: 'json',
};
import badKeys from '../../packages/crypto/vectors/xdh-dr/x25519_bad_public_keys.json' with {
  type: 'json',
};

/** A bundle in which every key is Mallory's, with a list that follows on the one that it replaces. */
export function impersonated(genuine: Bundle, mallory: Identity): Bundle {
  const { user, devices } = genuine;
  const { publicKey: identityKey } = mallory;
  const { head: previous } = verifyDeviceList(nodeProvider, genuine.deviceList, {
    ...{ user, identityKey: verifyingKey<'identity'>(genuine.identityKey) },
    ...{ previous: undefined, now: Date.now() },
  });
  const forged = devices.map(({ device, registrationId }) => {
    const { id, keyPair, suites, signature } = makeSignedPrekey(nodeProvider, mallory, {
      ...{ id: 1, suites: [1] },
    });
    const signedPrekey = { id, publicKey: keyPair.publicKey, suites: [...suites], signature };
    return { device, registrationId, signedPrekey };
  });
  const entries = forged.map(({ device, registrationId }) => {
    const { publicKey: deviceKey } = makeSigningKeyPair<'device'>(nodeProvider);
    return { device, registrationId, deviceKey };
  });
  const { encoded: deviceList } = signDeviceList(nodeProvider, mallory, {
    ...{ user, time: Date.now(), devices: entries, previous },
  });
  return { user, identityKey, deviceList, devices: forged };
}

/** A bundle with a device more, whose keys are those of another one: signed, and not for it. */
export function withInvented(bundle: Bundle, device = randomUUID() as DeviceId): Bundle {
  const [first] = bundle.devices;
  return { ...bundle, devices: [...bundle.devices, { ...first!, device }] };
}

/** A genuine bundle with each key in its place that must never be used, and each signature that only some refuse. */
export function* unsoundBundles(genuine: Bundle): Generator<Bundle> {
  const [device] = genuine.devices;
  const withDevice = (changed: Partial<typeof device>) => ({
    ...genuine,
    devices: [{ ...device!, ...changed }],
  });
  const bad = [
    ...badKeys.low_order,
    ...badKeys.low_order_high_bit_set,
    ...badKeys.non_canonical,
    badKeys.high_bit_set_same_key,
    ...badKeys.torsioned_same_dh.map(({ public: key }) => key),
  ].map(bytesOf);
  for (const publicKey of bad) {
    yield withDevice({ oneTimePrekey: { id: 1, publicKey } });
    yield withDevice({ signedPrekey: { ...device!.signedPrekey, publicKey } });
  }
  for (const signature of looseSignatures()) {
    yield withDevice({ signedPrekey: { ...device!.signedPrekey, signature } });
  }
  for (const identityKey of looseKeys()) yield { ...genuine, identityKey };
}

/** Signatures of the speccheck collection, of which strict verifiers accept one, for its own message. */
function looseSignatures(): Uint8Array[] {
  return speccheck.map(({ signature }) => bytesOf(signature));
}

/** Keys of low or mixed order, under which a loose verifier accepts signatures that nobody made. */
function looseKeys(): Uint8Array[] {
  const loose = cctv.filter(({ flags }) => flags?.some((flag) => flag.endsWith('_A')));
  return [...new Set(loose.map(({ key }) => key))].map(bytesOf);
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
