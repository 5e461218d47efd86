/** The operations of resumable uploads, in the words of the tus protocol. */
import { ApiError, FILE_BYTES_MAX, type ProblemCode } from '@sotto/api';
import {
  continueUpload,
  createUpload,
  describeUploads,
  endUpload,
  findUpload,
  TUS_CHECKSUM,
  TUS_VERSION,
} from '@sotto/api/files';
import {
  type App,
  type AuditCounts,
  type Call,
  type Caller,
  type Guards,
  type Limiter,
  mount,
  ProblemWithHeaders,
} from '@sotto/runtime';
import {
  bring,
  create,
  end,
  find,
  type Mine,
  type ResumableDeps,
  type Standing,
} from './resumable.ts';
import { readChecksum, readMetadata } from './resumable-headers.ts';

export interface ResumableRouteDeps extends ResumableDeps {
  counts: Pick<AuditCounts, 'note'>;
  /** Of each user, for requests that bring bytes: an upload takes many. */
  pieceLimit: Pick<Limiter, 'take'>;
}

/** Adds them to the app. */
export function resumableRoutes(app: App, guards: Guards, deps: ResumableRouteDeps): void {
  const note = ({ isNew }: Pick<Standing, 'isNew'>, caller: Caller): void => {
    if (isNew) deps.counts.note('files.uploaded', caller);
  };

  mount(app, guards, describeUploads, async () => ({
    'tus-version': TUS_VERSION,
    'tus-extension': 'creation,termination,checksum,expiration',
    'tus-max-size': FILE_BYTES_MAX,
    'tus-checksum-algorithm': TUS_CHECKSUM,
  }));

  mount(app, guards, createUpload, async ({ headers, caller, request }) => {
    assertVersion(headers);
    const { expiresAt } = readMetadata(headers['upload-metadata']);
    const who = { owner: caller.user, gone: request.signal };
    const wanted = { ...who, length: headers['upload-length'], expiresAt };
    const created = await create(deps, wanted);
    note(created, caller);
    return {
      location: findUpload.path.replace('{id}', created.id),
      'upload-expires': created.until.toUTCString(),
    };
  });

  mount(app, guards, findUpload, async ({ headers, params, caller, request }) => {
    assertVersion(headers);
    const standing = await find(deps, mine(params, caller, request));
    note(standing, caller);
    return { ...describe(standing), 'upload-length': standing.length };
  });

  mount(app, guards, continueUpload, async (call) => {
    const standing = await bringFrom(deps, call).catch(hangUp);
    note(standing, call.caller);
    return describe(standing);
  });

  mount(app, guards, endUpload, async ({ headers, params, caller, request }) => {
    assertVersion(headers);
    await end(deps, mine(params, caller, request));
  });
}

async function bringFrom(
  deps: ResumableRouteDeps,
  { headers, params, body, caller, request }: Call<typeof continueUpload>,
): Promise<Standing> {
  assertVersion(headers);
  await deps.pieceLimit.take(caller.user);
  const announced = request.headers.get('content-length');
  const bringing = {
    offset: headers['upload-offset'],
    body,
    announced: announced === null ? undefined : Number(announced),
    checksum: readChecksum(headers['upload-checksum']),
  };
  return bring(deps, mine(params, caller, request), bringing);
}

function mine({ id }: Pick<Mine, 'id'>, { user: owner }: Caller, { signal: gone }: Request): Mine {
  return { id, owner, gone };
}

function assertVersion(headers: { 'tus-resumable'?: string | undefined }): void {
  if (headers['tus-resumable'] === TUS_VERSION) return;
  throw new ProblemWithHeaders('upload.version', { 'tus-version': TUS_VERSION });
}

function describe({ offset, expiresAt }: Standing) {
  return {
    'upload-offset': offset,
    ...(expiresAt !== undefined && { 'upload-expires': expiresAt.toUTCString() }),
  };
}

/** The one refusal that has read the body to its end. */
const READ: ProblemCode = 'upload.checksum-mismatch';

function hangUp(error: unknown): never {
  if (!(error instanceof ApiError) || error.code === READ) throw error;
  const headers = error instanceof ProblemWithHeaders ? error.headers : {};
  throw new ProblemWithHeaders(error.code, { ...headers, connection: 'close' }, error.options);
}
