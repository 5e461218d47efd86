/** A request's JSON body: bounded, strict, and free of what PostgreSQL's text cannot hold. */
import { ApiError } from '@sotto/api';
import { BODY_MS_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';
import { fieldPath } from './problem-response.ts';

const MEDIA_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The parsed body. Throws an ApiError: media-type, too-large, malformed, or invalid for more values or levels
 * than anyone means and for characters that cannot be stored.
 */
export async function readJson(request: Request, bytesMax: number): Promise<unknown> {
  if (!MEDIA_TYPE.test(request.headers.get('content-type') ?? '')) {
    throw new ApiError('request.media-type', { detail: 'send application/json' });
  }
  const value = parse(decodeUtf8(await readBytes(request, bytesMax)));
  inspect(value);
  return value;
}

/**
 * The whole body as bytes. Throws `request.too-large` as soon as the limit is passed, by what the sender announces or
 * by what has arrived, `request.timeout` when it takes too long to arrive, and `request.malformed` when it breaks off.
 */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ApiError('request.timeout')), BODY_MS_MAX);
  });
  try {
    return await Promise.race([readWhole(request, bytesMax), late]);
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    // Its code could be that of a database out of reach, but it was the sender who went away.
    throw new ApiError('request.malformed', { detail: 'the request ended early', cause });
  } finally {
    clearTimeout(timer);
  }
}

async function readWhole(request: Request, bytesMax: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get('content-length') ?? Number.NaN);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  // An HTTP parser holds a sender to the announced length, so the body may be read in one go.
  if (announced >= 0) {
    const whole = new Uint8Array(await request.arrayBuffer());
    if (whole.byteLength > bytesMax) throw tooLarge(bytesMax);
    return whole;
  }
  return request.body === null ? new Uint8Array() : collect(request.body, bytesMax);
}

async function collect(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop by a throw cancels the stream.
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(bytesMax: number): ApiError {
  return new ApiError('request.too-large', { detail: `at most ${bytesMax} bytes` });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new ApiError('request.malformed', { detail: 'the body is not UTF-8', cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError('request.malformed', { detail: 'the body is not JSON', cause });
  }
}

interface Node {
  value: unknown;
  /** What it stands in, and under which name there; the root has neither. */
  parent?: Node;
  key: string;
  depth: number;
}

/** Walks without recursion, so that depth cannot exhaust the stack, and counts values before it takes them up. */
function inspect(root: unknown): void {
  const pending: Node[] = [{ value: root, key: '', depth: 0 }];
  let values = 1;
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (!isStorable(node.key) || !isStorable(node.value)) throw unstorable(node);
    const { value, depth } = node;
    if (typeof value !== 'object' || value === null) continue;
    values += Array.isArray(value) ? value.length : Object.keys(value).length;
    if (values > JSON_VALUES_MAX) throw excessive(`at most ${JSON_VALUES_MAX} values`);
    if (depth === JSON_DEPTH_MAX) throw excessive(`at most ${JSON_DEPTH_MAX} levels`);
    for (const [key, child] of Object.entries(value)) {
      pending.push({ value: child, key, parent: node, depth: depth + 1 });
    }
  }
}

function excessive(detail: string): ApiError {
  return new ApiError('request.invalid', { detail });
}

/** False for text with a NUL or half a surrogate pair, which PostgreSQL refuses or would store altered. */
export function isStorable(value: unknown): boolean {
  return typeof value !== 'string' || (!value.includes('\0') && value.isWellFormed());
}

function unstorable(node: Node): ApiError {
  return new ApiError('request.invalid', {
    detail: 'text must be well-formed Unicode without NUL',
    fields: [pathOf(node)],
  });
}

function pathOf(node: Node): string {
  const path: string[] = [];
  for (let at = node; at.parent !== undefined; at = at.parent) path.push(at.key);
  return fieldPath(path.reverse());
}
