/** Accounts: each endpoint to one call of the domain. */
import {
  ApiError,
  changePassword,
  deleteAccount,
  exportAccount,
  me,
  recover,
  register,
  renewRecoveryCode,
} from '@sotto/api';
import { type App, type Guards, mount } from '@sotto/runtime';
import { type ExportDeps, exportOf } from './account-export.ts';
import { approachOf } from './approach.ts';
import { deleteAccount as remove } from './deletion.ts';
import { changePassword as change, renewCode } from './password-change.ts';
import type { ConfirmationDeps } from './password-confirmation.ts';
import { type RecoveryDeps, recoverAccount } from './recovery.ts';
import { type RegistrationDeps, registerAccount } from './registration.ts';
import { actorOf } from './session-list.ts';
import { findUser } from './store.ts';

export type AccountRoutesDeps = RegistrationDeps & RecoveryDeps & ConfirmationDeps & ExportDeps;

/** Mounts them. */
export function accountRoutes(app: App, guards: Guards, deps: AccountRoutesDeps): void {
  const { proofs } = guards;
  mount(app, guards, register, async (call) => {
    return registerAccount(deps, call.body, await approachOf(proofs, call));
  });
  mount(app, guards, recover, async (call) => {
    return recoverAccount(deps, call.body, await approachOf(proofs, call));
  });
  mount(app, guards, me, async ({ caller: { user: id, device, session } }) => {
    const user = await findUser(deps.database.query, id);
    if (user === undefined) throw new ApiError('auth.token-invalid');
    const { username, created_at, email } = user;
    const shown = email === null ? {} : { email: deps.columns.openEmail(id, email) };
    return { user: id, username, device, session, createdAt: created_at.toISOString(), ...shown };
  });
  mount(app, guards, changePassword, (call) => {
    const { currentPassword: password, newPassword } = call.body;
    return change(deps, { ...actorOf(call), password }, newPassword);
  });
  mount(app, guards, renewRecoveryCode, (call) => {
    return renewCode(deps, { ...actorOf(call), password: call.body.password });
  });
  mount(app, guards, deleteAccount, (call) => {
    return remove(deps, { ...actorOf(call), password: call.body.password });
  });
  mount(app, guards, exportAccount, (call) => exportOf(deps, actorOf(call)));
}
