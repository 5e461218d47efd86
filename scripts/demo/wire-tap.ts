/** Notes what leaves a client for the server: exactly the bytes that the server gets to see. */

/** Encrypted bytes as they passed. */
export interface Sighting {
  bytes: number;
  /** The first bytes, as hexadecimal digits. */
  start: string;
}

export interface WireTap {
  readonly WebSocket: typeof globalThis.WebSocket;
  readonly fetch: typeof globalThis.fetch;
  /** Ciphertexts by message id. Empty for what was sent before this start. */
  readonly messages: Map<string, Sighting>;
  /** Uploaded files, in order. */
  readonly uploads: Sighting[];
}

const SHOWN_BYTES = 12;

/** A tap of its own for each client. */
export function createWireTap(): WireTap {
  const messages = new Map<string, Sighting>();
  const uploads: Sighting[] = [];

  class TappedWebSocket extends WebSocket {
    override send(data: string): void {
      noteSend(messages, data);
      super.send(data);
    }
  }

  const tappedFetch: typeof fetch = (target, init) => {
    if (init?.body instanceof Uint8Array) noteUpload(uploads, init.body, new Headers(init.headers));
    return fetch(target, init);
  };

  return { WebSocket: TappedWebSocket, fetch: tappedFetch, messages, uploads };
}

function noteSend(messages: Map<string, Sighting>, data: string): void {
  const frame: { type: string; message?: { id: string; recipients: { ciphertext: string }[] } } =
    JSON.parse(data);
  const [first] = frame.message?.recipients ?? [];
  if (frame.type !== 'send' || frame.message === undefined || first === undefined) return;
  const ciphertext = Buffer.from(first.ciphertext, 'base64url');
  messages.set(frame.message.id, { bytes: ciphertext.length, start: startOf(ciphertext) });
}

/** A file that goes up in pieces is one file; a piece that is sent again counts again, as it leaves again. */
function noteUpload(uploads: Sighting[], bytes: Uint8Array, headers: Headers): void {
  const before = Number(headers.get('upload-offset') ?? 0) > 0 ? uploads.at(-1) : undefined;
  if (before !== undefined) before.bytes += bytes.length;
  else uploads.push({ bytes: bytes.length, start: startOf(bytes) });
}

function startOf(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex');
  return digits.replace(/(..)(?=.)/g, '$1 ');
}
