/** Each operation of the contract to what does it. */
import { ApiError } from '@sotto/api';
import {
  deleteFile,
  downloadFile,
  type FileInfo,
  getFileInfo,
  grantFile,
  listGrants,
  revokeGrant,
  uploadFile,
} from '@sotto/api/files';
import { exportFiles } from '@sotto/api/internal';
import { type App, type AuditCounts, type Guards, mount, ProblemWithHeaders } from '@sotto/runtime';
import { deleteFile as remove } from './deletions.ts';
import { type DownloadDeps, download } from './downloads.ts';
import { exportUser } from './export.ts';
import { describeGrants, findReadable, type GrantDeps, grant, revoke } from './grants.ts';
import type { StoredFile } from './store.ts';
import { type UploadDeps, upload } from './uploads.ts';

export interface RouteDeps extends UploadDeps, DownloadDeps, GrantDeps {
  counts: Pick<AuditCounts, 'note'>;
}

export function routes(app: App, guards: Guards, deps: RouteDeps): void {
  const { counts } = deps;
  mount(app, guards, uploadFile, async ({ body, query, caller, request }) => {
    const announced = request.headers.get('content-length');
    const info = await upload(deps, {
      owner: caller.user,
      body,
      announced: announced === null ? undefined : Number(announced),
      expiresAt: query.expiresAt === undefined ? undefined : new Date(query.expiresAt),
    }).catch(hangUp);
    counts.note('files.uploaded', caller);
    return info;
  });

  mount(app, guards, downloadFile, async ({ params, caller, request }) => {
    const file = await findReadable(deps, params.id, caller.user);
    const response = await download(deps, { file, user: caller.user }, request);
    // Of a file that comes in ranges each counts; of one that the reader has already, nothing was fetched.
    if (response.ok || response.status === 307) counts.note('files.fetched', caller);
    return response;
  });

  mount(app, guards, getFileInfo, async ({ params, caller }) => {
    return describe(await findReadable(deps, params.id, caller.user));
  });

  mount(app, guards, grantFile, ({ params, body, caller }) => {
    return grant(deps, { ...params, conversation: body.conversation, user: caller.user });
  });

  mount(app, guards, listGrants, ({ params, caller }) => {
    return describeGrants(deps, params.id, caller.user);
  });

  mount(app, guards, revokeGrant, ({ params, caller }) => {
    return revoke(deps, { ...params, user: caller.user });
  });

  mount(app, guards, deleteFile, ({ params, caller }) => remove(deps, params.id, caller.user));

  mount(app, guards, exportFiles, ({ params }) => exportUser(deps.query, params.user_id));
}

/** A refusal leaves a body unread, and that may have no end. */
function hangUp(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  throw new ProblemWithHeaders(error.code, { connection: 'close' }, error.options);
}

function describe({ id, size, sha256, createdAt, expiresAt }: StoredFile): FileInfo {
  return {
    ...{ id, size, sha256, createdAt: createdAt.toISOString() },
    ...(expiresAt !== undefined && { expiresAt: expiresAt.toISOString() }),
  };
}
