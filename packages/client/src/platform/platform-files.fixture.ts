/** The files of the platform of `platform.fixture.ts`, which gives out whatever a test wants in their place. */
import { createHash } from 'node:crypto';
import { ApiError, type FileId } from '@sotto/api';
import { type Handlers, NOW, uuid } from './platform-operations.fixture.ts';
import { partOf, type Shelf } from './platform-shelf.fixture.ts';

export const fileHandlers: Handlers = {
  async uploadFile({ files }, { body }) {
    const id = uuid() as FileId;
    files.stored.set(id, await collect(body));
    return infoOf(id, files.stored);
  },
  createUpload({ files }, { headers }) {
    const id = uuid();
    files.begun.set(id, { length: headers['upload-length'], bytes: new Uint8Array() });
    return { location: `/api/v1/files/uploads/${id}`, 'upload-expires': NOW };
  },
  findUpload({ files }, { params }) {
    const done = files.stored.get(params.id)?.length;
    const begun = files.begun.get(params.id);
    const length = done ?? begun?.length;
    if (length === undefined) throw new ApiError('file.not-found');
    return { 'upload-offset': done ?? begun!.bytes.length, 'upload-length': length };
  },
  async continueUpload({ files }, { params, headers, body }) {
    const begun = files.begun.get(params.id);
    if (begun === undefined) throw new ApiError('file.not-found');
    if (headers['upload-offset'] !== begun.bytes.length)
      throw new ApiError('upload.offset-conflict');
    const bytes = await collect(body);
    const checksum = createHash('sha256').update(bytes).digest('base64');
    if (headers['upload-checksum'] !== `sha256 ${checksum}`)
      throw new ApiError('upload.checksum-mismatch');
    begun.bytes = new Uint8Array(Buffer.concat([begun.bytes, bytes]));
    if (begun.bytes.length === begun.length) {
      files.begun.delete(params.id);
      files.stored.set(params.id, begun.bytes);
    }
    return { 'upload-offset': begun.bytes.length };
  },
  endUpload({ files }, { params }) {
    files.begun.delete(params.id);
    files.stored.delete(params.id);
    return undefined;
  },
  getFileInfo: ({ files }, { params }) => infoOf(params.id, files.stored),
  downloadFile({ files }, { params, headers }) {
    const shown = files.show(known(params.id, files.stored));
    if (shown instanceof URL)
      return new Response(null, { status: 307, headers: { location: shown.href } });
    const { bytes, status } = partOf(shown, headers.range);
    const { breaksAfter } = files;
    if (breaksAfter === undefined) return new Response(bytes.slice(), { status });
    // As a connection that breaks, for whoever counts: fewer bytes than were announced.
    const headersOfAll = { 'content-length': String(bytes.length) };
    return new Response(bytes.slice(0, breaksAfter), { status, headers: headersOfAll });
  },
  grantFile: () => undefined,
  deleteFile({ files }, { params }) {
    files.stored.delete(params.id);
    return undefined;
  },
};

function infoOf(id: FileId, stored: Shelf['stored']) {
  const bytes = known(id, stored);
  const sha256 = new Uint8Array(createHash('sha256').update(bytes).digest());
  return { id, size: bytes.length, sha256, createdAt: NOW };
}

function known(id: string, stored: Shelf['stored']): Uint8Array {
  const bytes = stored.get(id);
  if (bytes === undefined) throw new ApiError('file.not-found');
  return bytes;
}

async function collect(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).bytes();
}
