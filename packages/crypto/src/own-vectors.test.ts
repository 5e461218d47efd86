import { describe, expect, test } from 'vitest';
import backup from '../vectors/sotto/backup.json' with { type: 'json' };
import chain from '../vectors/sotto/chain.json' with { type: 'json' };
import deviceList from '../vectors/sotto/device-list.json' with { type: 'json' };
import deviceListsDigest from '../vectors/sotto/device-lists-digest.json' with { type: 'json' };
import envelope from '../vectors/sotto/envelope.json' with { type: 'json' };
import identity from '../vectors/sotto/identity.json' with { type: 'json' };
import keyLog from '../vectors/sotto/key-log.json' with { type: 'json' };
import membershipLog from '../vectors/sotto/membership-log.json' with { type: 'json' };
import provisioning from '../vectors/sotto/provisioning.json' with { type: 'json' };
import ratchet from '../vectors/sotto/ratchet.json' with { type: 'json' };
import senderKey from '../vectors/sotto/sender-key.json' with { type: 'json' };
import session from '../vectors/sotto/session.json' with { type: 'json' };
import x3dh from '../vectors/sotto/x3dh.json' with { type: 'json' };
import { fromHex } from './hex.fixture.ts';
import { makeOwnVectors, ownVectors } from './own-vectors.fixture.ts';
import { providers } from './providers.fixture.ts';
import {
  decodeSenderChain,
  decodeSenderKeyRecord,
  encodeSenderChain,
  encodeSenderKeyRecord,
} from './sender-key-state.ts';
import { decodeSessionRecord, encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

const committed: Record<string, unknown> = {
  chain,
  envelope,
  identity,
  ratchet,
  session,
  x3dh,
  'sender-key': senderKey,
  'device-list': deviceList,
  'device-lists-digest': deviceListsDigest,
  'membership-log': membershipLog,
  'key-log': keyLog,
  provisioning,
  backup,
};

describe.each(providers)('on the $name provider', (provider) => {
  test.each(Object.keys(ownVectors))('the published vectors "%s" still come out', (name) => {
    expect(makeOwnVectors(provider, name)).toEqual(committed[name]);
  });
});

test('every record that version 1 ever wrote is read', () => {
  const records = [
    session.initiator_record_after_sending,
    session.responder_record_after_receiving,
    session.responder_record_after_answering,
    session.initiator_record_after_the_answer,
  ];
  for (const hex of records) {
    const record = decodeSessionRecord(classicSuite, fromHex(hex));
    expect(encodeSessionRecord(classicSuite, record)).toEqual(fromHex(hex));
  }
});

test('every sender key state that version 1 ever wrote is read', () => {
  const chains = [senderKey.initial.chain, ...senderKey.sent.map(({ chain: hex }) => hex)];
  for (const hex of chains) {
    expect(encodeSenderChain(decodeSenderChain(fromHex(hex)))).toEqual(fromHex(hex));
  }
  const records = [senderKey.initial.record, ...senderKey.received.map(({ record }) => record)];
  for (const hex of records) {
    expect(encodeSenderKeyRecord(decodeSenderKeyRecord(fromHex(hex)))).toEqual(fromHex(hex));
  }
});
