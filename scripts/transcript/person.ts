/** Somebody with one device, who has published what others need to write to it. */
import {
  Conversation,
  createConversation,
  type DeviceId,
  type EndpointSpec,
  encodeBase64url,
  Login,
  openSocketTicket,
  publishDeviceList,
  publishIdentity,
  publishSignedPrekey,
  register,
  type UserId,
} from '@sotto/api';
import { makeIdentity, makeSignedPrekey, signDeviceList } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';

export interface Person {
  readonly name: string;
  readonly user: UserId;
  readonly device: DeviceId;
  readonly token: string;
  /** Calls an operation by its path, with what it takes as JSON. Rejects with the problem. */
  call(spec: EndpointSpec, body?: object, path?: string): Promise<unknown>;
}

const REGISTRATION_ID = 7;

/** Registers somebody new, whose account begins with this name, and publishes the keys of the device. */
export async function openAccount(url: string, name: string): Promise<Person> {
  const username = `${name}${Date.now()}`;
  const password = 'a rather long passphrase';
  const login = Login.parse(
    await callAs(url, undefined, { spec: register, body: { username, password } }),
  );
  const { user, device, accessToken: token } = login;
  const person: Person = {
    name,
    user,
    device,
    token,
    call: (spec, body, path) => callAs(url, token, { spec, body, path }),
  };
  await publishKeys(person);
  return person;
}

/** The conversation of two. */
export async function openConversation(person: Person, other: Person): Promise<Conversation> {
  const body = { kind: 'direct', with: other.user };
  return Conversation.parse(await person.call(createConversation, body));
}

/** A ticket for one socket. */
export async function openTicket(person: Person): Promise<string> {
  const { ticket } = openSocketTicket.response.parse(await person.call(openSocketTicket));
  return ticket;
}

async function publishKeys({ user, device, call }: Person): Promise<void> {
  const identity = makeIdentity(nodeProvider);
  const identityKey = encodeBase64url(identity.publicKey);
  await call(publishIdentity, { identityKey, registrationId: REGISTRATION_ID });
  const prekey = makeSignedPrekey(nodeProvider, identity, { id: 1, suites: [1] });
  await call(publishSignedPrekey, {
    id: 1,
    publicKey: encodeBase64url(prekey.keyPair.publicKey),
    suites: [1],
    signature: encodeBase64url(prekey.signature),
  });
  const deviceKey = makeIdentity(nodeProvider).publicKey;
  const { encoded } = signDeviceList(nodeProvider, identity, {
    user,
    previous: undefined,
    time: Date.now(),
    devices: [{ device, deviceKey, registrationId: REGISTRATION_ID }],
  });
  await call(publishDeviceList, { list: encodeBase64url(encoded) });
}

interface Call {
  spec: EndpointSpec;
  body?: object | undefined;
  path?: string | undefined;
}

async function callAs(
  url: string,
  token: string | undefined,
  { spec, body, path }: Call,
): Promise<unknown> {
  const answer = await fetch(new URL(path ?? spec.path, url), {
    method: spec.method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${spec.id}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
