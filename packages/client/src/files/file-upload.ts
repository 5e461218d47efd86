/** A file on its way up: in one request when it is small, else in pieces (tus 1.0.0) that can be gone on with. */
import { FileId } from '@sotto/api';
import {
  createUpload,
  deleteFile,
  endUpload,
  getFileInfo,
  grantFile,
  UPLOAD_PIECE_BYTES,
  uploadFile,
} from '@sotto/api/files';
import { sameBytes } from '../account/records.ts';
import { ClientError, isProblem } from '../errors.ts';
import { GIVE_UP_MS_MAX, WHOLE_UPLOAD_BYTES_MAX, WHOLE_UPLOAD_MS_MAX } from '../limits.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { Attempts } from './file-attempts.ts';
import { isRepeatable, openInput } from './file-input.ts';
import { UploadRecord } from './file-progress.ts';
import { type Ciphertext, type Seal, sealFile } from './file-sealing.ts';
import {
  assertSame,
  isGivenUp,
  makeSeal,
  NO_CONTEXT,
  report,
  type UploadDeps,
  type UploadedFile,
  type UploadJob,
} from './file-upload-job.ts';
import { askOffset, bringer, TUS } from './file-upload-steps.ts';

/**
 * Encrypts and uploads a file, and lets the members of a conversation read it. Throws `file.size`, `file.damaged` when
 * the platform has other bytes in the end, the reason of the signal, what reading the file throws, and what calls throw
 * once trying again is of no use.
 */
export async function upload(deps: UploadDeps, job: UploadJob): Promise<UploadedFile> {
  const isLong = job.lengths.ciphertext > WHOLE_UPLOAD_BYTES_MAX;
  const file = await (isLong ? uploadInPieces(deps, job) : uploadWhole(deps, job));
  const { signal, conversation } = job;
  const input = { params: { id: file.id }, body: { conversation } };
  try {
    await new Attempts(deps, signal).run(() => deps.call(grantFile, input, { signal }));
  } catch (error) {
    if (isGivenUp(job) || !isLong || job.storeKey === undefined) await discard(deps, job, file.id);
    throw error;
  }
  return file;
}

async function uploadWhole(deps: UploadDeps, job: UploadJob): Promise<UploadedFile> {
  const { lengths, signal } = job;
  const seal = makeSeal(deps);
  const ciphertext = sealInput(deps, job, seal);
  const body = new Uint8Array(lengths.ciphertext);
  await ciphertext.fill(body).finally(ciphertext.close);
  report(job, 0);
  const options = { signal, deadlineMs: WHOLE_UPLOAD_MS_MAX };
  const info = await new Attempts(deps, signal).run(() => deps.call(uploadFile, { body }, options));
  report(job, body.length);
  const digest = ciphertext.digest();
  assertSame(info, { size: body.length, sha256: digest });
  return { id: info.id, key: seal.secret.key, digest };
}

/** The ciphertext of what is to be sent; neither who gives the file up nor the end of the client waits for more of it. */
function sealInput({ provider, closing }: UploadDeps, job: UploadJob, seal: Seal): Ciphertext {
  const { input, lengths, signal } = job;
  const ended = signal ? AbortSignal.any([closing, signal]) : closing;
  return sealFile(provider, openInput(input, ended), { ...seal, lengths });
}

async function uploadInPieces(deps: UploadDeps, job: UploadJob): Promise<UploadedFile> {
  try {
    return await bringAndFinish(deps, job);
  } catch (error) {
    // The platform has lost it or given it up meanwhile.
    if (!isProblem(error, 'file.not-found', 'upload.expired') || !isRepeatable(job.input))
      throw error;
    return bringAndFinish(deps, job);
  }
}

async function bringAndFinish(deps: UploadDeps, job: UploadJob): Promise<UploadedFile> {
  const begun = (await goOn(deps, job)) ?? (await begin(deps, job));
  try {
    await bringAll(deps, job, begun);
    return await finish(deps, job, begun);
  } catch (error) {
    const isOfNoUse = isGivenUp(job) || job.storeKey === undefined;
    if (isOfNoUse || isDamaged(error)) await giveUp(deps, job, begun.id);
    throw error;
  } finally {
    begun.ciphertext.close();
  }
}

/** An upload that the platform knows. */
interface BegunUpload {
  readonly id: FileId;
  readonly seal: Seal;
  readonly begunAt: number;
  /** Read up to the end of `piece`. */
  readonly ciphertext: Ciphertext;
  /** What may have left this device before, and the platform does not have; and where it begins. */
  readonly piece: Uint8Array;
  readonly at: number;
}

async function begin(deps: UploadDeps, job: UploadJob): Promise<BegunUpload> {
  const { lengths, signal } = job;
  const headers = { ...TUS, 'upload-length': lengths.ciphertext };
  const attempts = new Attempts(deps, signal);
  const { location } = await attempts.run(() => deps.call(createUpload, { headers }, { signal }));
  const id = FileId.safeParse(location.split('/').at(-1));
  if (!id.success) throw new ClientError('answer.invalid', 'the upload has no id');
  const seal = makeSeal(deps);
  const ciphertext = sealInput(deps, job, seal);
  const nothing = { piece: new Uint8Array(), at: 0 };
  return { id: id.data, seal, begunAt: deps.clock(), ciphertext, ...nothing };
}

/** The upload that an earlier life of this store has begun, or undefined when it is not to be gone on with. */
async function goOn(deps: UploadDeps, job: UploadJob): Promise<BegunUpload | undefined> {
  const { storeKey, lengths } = job;
  if (storeKey === undefined) return undefined;
  const record = await deps.store.transaction((it) => getRecord(it, storeKey, UploadRecord));
  if (record === undefined) return undefined;
  const { upload: id, key, salt, noted, begunAt } = record;
  const leave = async (error: unknown): Promise<never> => {
    if (isGivenUp(job)) await giveUp(deps, job, id);
    throw error;
  };
  const at = await offsetOf(deps, job, id).catch(leave);
  if (at === undefined) return undefined;
  const seal = { secret: { key, context: NO_CONTEXT }, salt };
  const ciphertext = sealInput(deps, job, seal);
  const isWithin = at <= noted && noted - at <= UPLOAD_PIECE_BYTES && noted <= lengths.ciphertext;
  const piece = isWithin
    ? await readUpTo(noted, at, ciphertext).catch((error) => {
        ciphertext.close();
        return leave(error);
      })
    : undefined;
  // Unless this is so, it is another file: under the same key not a byte of it may leave.
  if (piece !== undefined && sameBytes(ciphertext.digest(), record.digest))
    return { id, seal, begunAt, ciphertext, piece, at };
  ciphertext.close();
  await giveUp(deps, job, id);
  return undefined;
}

/** The bytes from `at` to `end`, which are not more than a piece, after all that come before them. */
async function readUpTo(end: number, at: number, ciphertext: Ciphertext): Promise<Uint8Array> {
  const block = new Uint8Array(UPLOAD_PIECE_BYTES);
  for (let passed = 0; passed < at; passed += block.length)
    await ciphertext.fill(block.subarray(0, Math.min(block.length, at - passed)));
  const piece = block.subarray(0, end - at);
  await ciphertext.fill(piece);
  return piece;
}

/** What the platform has of an upload, in bytes; undefined when it knows none. */
async function offsetOf(deps: UploadDeps, job: UploadJob, id: FileId) {
  try {
    return await new Attempts(deps, job.signal).run(() => askOffset(deps, job, id));
  } catch (error) {
    if (isProblem(error, 'file.not-found', 'upload.expired')) return undefined;
    throw error;
  }
}

async function bringAll(deps: UploadDeps, job: UploadJob, begun: BegunUpload): Promise<void> {
  const total = job.lengths.ciphertext;
  const bring = bringer(deps, job, begun.id);
  let [block, spare] = [new Uint8Array(UPLOAD_PIECE_BYTES), new Uint8Array(UPLOAD_PIECE_BYTES)];
  const seal = async (start: number): Promise<Uint8Array> => {
    const end = Math.min(start - (start % block.length) + block.length, total);
    const sealed = block.subarray(0, end - start);
    [block, spare] = [spare, block];
    await begun.ciphertext.fill(sealed);
    return sealed;
  };
  let { piece, at } = begun;
  report(job, at);
  for (;;) {
    const end = at + piece.length;
    // The next piece is encrypted while this one is on its way. It leaves once this one is there and it is noted itself.
    const next = end < total ? seal(end) : undefined;
    next?.catch(() => {}); // Asked for below, unless this piece fails first.
    await bring(piece, at);
    if (next === undefined) return;
    [piece, at] = [await next, end];
    await note(deps, job, { ...begun, noted: at + piece.length });
  }
}

async function note(
  { store }: UploadDeps,
  { storeKey }: UploadJob,
  { id, seal, begunAt, ciphertext, noted }: BegunUpload & { readonly noted: number },
): Promise<void> {
  if (storeKey === undefined) return;
  const { key } = seal.secret;
  const digest = ciphertext.digest();
  const record = { upload: id, key, salt: seal.salt, noted, digest, begunAt };
  await store.transaction((it) => putRecord(it, storeKey, [UploadRecord, record]));
}

/** The platform says what it has: nothing else is proof that it is what was sent. */
async function finish(
  deps: UploadDeps,
  { lengths, signal }: UploadJob,
  { id, seal, ciphertext }: BegunUpload,
): Promise<UploadedFile> {
  const ask = () => deps.call(getFileInfo, { params: { id } }, { signal });
  const info = await new Attempts(deps, signal).run(ask);
  const digest = ciphertext.digest();
  assertSame(info, { size: lengths.ciphertext, sha256: digest });
  return { id, key: seal.secret.key, digest };
}

/** Forgets an upload, here and as far as it can be reached there. */
async function giveUp(deps: UploadDeps, { storeKey }: UploadJob, id: FileId): Promise<void> {
  if (storeKey !== undefined) await deps.store.transaction((it) => it.delete(storeKey));
  const options = { deadlineMs: GIVE_UP_MS_MAX };
  // It runs out by itself there; what somebody is to be told is why it was given up.
  await deps.call(endUpload, { params: { id }, headers: TUS }, options).catch(() => {});
}

/** The same for a file that is there already. */
async function discard(deps: UploadDeps, { storeKey }: UploadJob, id: FileId): Promise<void> {
  if (storeKey !== undefined) await deps.store.transaction((it) => it.delete(storeKey));
  const options = { deadlineMs: GIVE_UP_MS_MAX };
  await deps.call(deleteFile, { params: { id } }, options).catch(() => {});
}

function isDamaged(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'file.damaged';
}
