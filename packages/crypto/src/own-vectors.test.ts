import { describe, expect, test } from 'vitest';
import chain from '../vectors/sotto/chain.json' with { type: 'json' };
import envelope from '../vectors/sotto/envelope.json' with { type: 'json' };
import identity from '../vectors/sotto/identity.json' with { type: 'json' };
import ratchet from '../vectors/sotto/ratchet.json' with { type: 'json' };
import session from '../vectors/sotto/session.json' with { type: 'json' };
import x3dh from '../vectors/sotto/x3dh.json' with { type: 'json' };
import { fromHex } from './hex.fixture.ts';
import { makeOwnVectors, ownVectors } from './own-vectors.fixture.ts';
import { providers } from './providers.fixture.ts';
import { decodeSessionRecord, encodeSessionRecord } from './session-record.ts';
import { classicSuite } from './suite-classic.ts';

const committed: Record<string, unknown> = { chain, envelope, identity, ratchet, session, x3dh };

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
