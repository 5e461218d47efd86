/** A client that signs what it sends, and learns the nonce as it goes. */
import {
  type EndpointSpec,
  encodeBase64url,
  Login,
  loginByDevice,
  openChallenge,
  type Problem,
  register,
} from '@sotto/api';
import { type DeviceKey, makeDeviceKey, type ProofOptions } from './device-key.fixture.ts';
import { type Answered, type Caller, PASSWORD } from './platform.fixture.ts';

export interface SignedCall extends ProofOptions {
  body?: unknown;
  from?: string;
}

export class DeviceKeyCaller {
  readonly key: DeviceKey;
  readonly #auth: Caller;
  #nonce: string | undefined;

  constructor(auth: Caller, clock: () => number) {
    this.#auth = auth;
    this.key = makeDeviceKey(clock);
  }

  /** Sends a request with a proof; once more when the service wants another nonce, unless the call brought one. */
  async send(endpoint: EndpointSpec, call: SignedCall = {}): Promise<Answered<unknown>> {
    const answer = await this.#sendOnce(endpoint, call);
    this.#nonce = answer.headers.get('dpop-nonce') ?? this.#nonce;
    const isStale = (answer.body as Problem | undefined)?.code === 'auth.proof-nonce';
    return isStale && call.nonce === undefined ? this.#sendOnce(endpoint, call) : answer;
  }

  #sendOnce(endpoint: EndpointSpec, { body, from, ...options }: SignedCall) {
    const { token } = options;
    return this.#auth.send(endpoint, {
      body,
      headers: { dpop: this.key.proof(endpoint, { nonce: this.#nonce, ...options }) },
      ...(token !== undefined && { token: `DPoP ${token}` }),
      ...(from !== undefined && { from }),
    });
  }

  async register(username: string): Promise<Login> {
    const answer = await this.send(register, { body: { username, password: PASSWORD } });
    if (answer.status !== register.status) throw new Error(JSON.stringify(answer.body));
    return Login.parse(answer.body);
  }

  /** What `loginByDevice` takes: a fresh challenge, signed. */
  async answerFor(device: Login['device'], from?: string) {
    const asked = await this.#auth.send(openChallenge, {
      body: { device },
      ...(from !== undefined && { from }),
    });
    const { challenge } = asked.body as { challenge: string };
    const signature = this.key.answer(device, Buffer.from(challenge, 'base64url'));
    return { device, challenge, signature: encodeBase64url(signature) };
  }

  async logInByChallenge(device: Login['device'], from?: string): Promise<Answered<unknown>> {
    const body = await this.answerFor(device, from);
    return this.send(loginByDevice, { body, ...(from !== undefined && { from }) });
  }
}
