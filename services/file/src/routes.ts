/** Each operation of the contract to what does it. */
import {
  ApiError,
  deleteFile,
  downloadFile,
  type FileInfo,
  getFileInfo,
  grantFile,
  type ProblemCode,
  uploadFile,
} from '@sotto/api';
import { exportFiles } from '@sotto/api/internal';
import { type App, type Guards, mount, ProblemWithHeaders } from '@sotto/runtime';
import { deleteFile as remove } from './deletions.ts';
import { type DownloadDeps, download } from './downloads.ts';
import { exportUser } from './export.ts';
import { findReadable, type GrantDeps, grant } from './grants.ts';
import type { StoredFile } from './store.ts';
import { type UploadDeps, upload } from './uploads.ts';

export type RouteDeps = UploadDeps & DownloadDeps & GrantDeps;

export function routes(app: App, guards: Guards, deps: RouteDeps): void {
  mount(app, guards, uploadFile, ({ body, caller, request }) => {
    const announced = request.headers.get('content-length');
    return upload(deps, {
      owner: caller.user,
      body,
      announced: announced === null ? undefined : Number(announced),
    }).catch(hangUp);
  });

  mount(app, guards, downloadFile, async ({ params, caller, request }) => {
    return download(deps, await findReadable(deps, params.id, caller.user), request);
  });

  mount(app, guards, getFileInfo, async ({ params, caller }) => {
    return describe(await findReadable(deps, params.id, caller.user));
  });

  mount(app, guards, grantFile, ({ params, body, caller }) => {
    return grant(deps, params.id, { conversation: body.conversation, user: caller.user });
  });

  mount(app, guards, deleteFile, ({ params, caller }) => remove(deps, params.id, caller.user));

  mount(app, guards, exportFiles, ({ params }) => exportUser(deps.query, params.user_id));
}

/** Refusals that leave a body unread which may have no end. */
const UNREAD: readonly ProblemCode[] = ['request.too-large', 'request.timeout', 'file.quota'];

function hangUp(error: unknown): never {
  if (!(error instanceof ApiError) || !UNREAD.includes(error.code)) throw error;
  throw new ProblemWithHeaders(error.code, { connection: 'close' }, error.options);
}

function describe({ id, size, sha256, createdAt }: StoredFile): FileInfo {
  return { id, size, sha256, createdAt: createdAt.toISOString() };
}
