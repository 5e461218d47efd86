/**
 * A device as a load generator plays it: opaque bytes in and out, frames as the SDK sends them, one acknowledgement for
 * each frame of slots. It speaks the wire itself, so that what is measured is the platform and not the SDK.
 */
import { WebSocket } from 'ws';
import { deviceId, type Place, pairOf, userId } from './platform.ts';

interface SlotsFrame {
  type: 'slots';
  conversation: string;
  slots: { type: string; seq: number; to?: number; ciphertext?: string }[];
}
type Frame =
  | SlotsFrame
  | { type: 'hello' }
  | { type: 'stored'; id: string }
  | { type: 'refused'; problem: { code: string } }
  | { type: 'catch-up' | 'heads' | 'cursors' };

/** What a group's members have to name with each message. */
export interface Group {
  conversation: string;
  version: number;
  /** `digestDeviceLists`, as base64url. */
  lists: string;
}

export interface DeviceOptions {
  place: Place;
  user: number;
  token: () => Promise<string>;
  group?: Group | undefined;
}

/** Twelve digits at the start of each payload say which message it is; as base64url they are sixteen characters. */
const MARK_TEXT = 16;

export class Device {
  onmsg: ((mark: number) => void) | undefined;
  onroom: ((mark: number) => void) | undefined;
  closed = false;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>;
  #onGone: () => void = () => undefined;
  readonly #options: DeviceOptions;
  readonly #numbers = new Map<string, number>();
  /** Marks of group messages of our own that are not stored yet: `stored` is what their sender gets in place of a slot. */
  readonly #own = new Map<string, number>();
  #socket: WebSocket | undefined;
  #unanswered = 0;
  #onAnswered: (() => void) | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve;
    });
  }

  /** Resolves once the platform has said hello. */
  async connect(): Promise<this> {
    const { place, token } = this.#options;
    const socket = new WebSocket(`${place.url.replace('http', 'ws')}/api/v1/ws`, ['sotto.v1'], {
      perMessageDeflate: false,
      headers: { authorization: `Bearer ${await token()}` },
    });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', (code, reason) => {
        this.closed = true;
        this.#onGone();
        reject(new Error(`closed with ${code} ${String(reason)}`));
      });
      socket.on('message', (data) => this.#onFrame(JSON.parse(String(data)), resolve));
    });
    return this;
  }

  send(to: number, text: string): void {
    const conversation = this.#options.place.pairs[pairOf(this.#options.user, to)];
    if (conversation === undefined) throw new Error(`${this.#options.user} does not know ${to}`);
    const recipients = `[{"device":"${deviceId(to)}","ciphertext":"${encode(text)}"}]`;
    this.#send(conversation, `"kind":"direct","recipients":${recipients}`, newId());
  }

  sendGroup(text: string): void {
    const { group } = this.#options;
    if (group === undefined) throw new Error('there is no group');
    const { conversation, version, lists } = group;
    const id = newId();
    this.#own.set(id, Number(text.slice(0, 12)));
    const keyedFor = `"version":${version},"lists":"${lists}"`;
    this.#send(conversation, `"kind":"group",${keyedFor},"ciphertext":"${encode(text)}"`, id);
  }

  /** Resolves when everything sent has been stored. */
  sync(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#unanswered === 0) resolve();
      else this.#onAnswered = resolve;
    });
  }

  /** Reads no more: a device that has stalled. */
  stall(): void {
    this.#socket?.pause();
  }

  /** Reads again. */
  goOn(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#socket?.close();
  }

  #send(conversation: string, body: string, id: string): void {
    const number = (this.#numbers.get(conversation) ?? 0) + 1;
    this.#numbers.set(conversation, number);
    this.#unanswered += 1;
    this.#socket?.send(
      `{"type":"send","number":${number},"message":{"id":"${id}","conversation":"${conversation}",${body}}}`,
    );
  }

  #onFrame(frame: Frame, greeted: () => void): void {
    switch (frame.type) {
      case 'hello':
        greeted();
        return;
      case 'stored':
        this.#onStored(frame.id);
        return;
      case 'refused':
        throw new Error(`${userId(this.#options.user)} was refused: ${frame.problem.code}`);
      case 'slots':
        this.#onSlots(frame);
        return;
      default:
        return;
    }
  }

  #onStored(id: string): void {
    this.#unanswered -= 1;
    if (this.#unanswered === 0) this.#onAnswered?.();
    const mark = this.#own.get(id);
    if (mark === undefined) return;
    this.#own.delete(id);
    this.onroom?.(mark);
  }

  #onSlots({ conversation, slots }: SlotsFrame): void {
    const hear = conversation === this.#options.group?.conversation ? this.onroom : this.onmsg;
    let last = 0;
    for (const { seq, to, ciphertext } of slots) {
      last = to ?? seq;
      if (ciphertext === undefined) continue;
      hear?.(Number(Buffer.from(ciphertext.slice(0, MARK_TEXT), 'base64url').toString('latin1')));
    }
    if (last === 0) return;
    this.#socket?.send(`{"type":"ack","conversation":"${conversation}","seq":${last}}`);
  }
}

function encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64url');
}

let counter = 0;
const origin = process.pid.toString(16).padStart(8, '0').slice(-8);

/** A UUIDv7: 48 bits of time, then what is unique in this process and among its like. */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  counter += 1;
  const count = (counter & 0xffffff).toString(16).padStart(6, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count.slice(0, 3)}-8${count.slice(3)}-${origin}${time.slice(8)}`;
}
