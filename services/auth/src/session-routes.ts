/** Logging in and out: each endpoint to one call of the domain. */
import {
  endSession,
  listSessions,
  login,
  loginByDevice,
  logout,
  logoutEverywhere,
  openChallenge,
  refresh,
} from '@sotto/api';
import { type App, type Guards, mount } from '@sotto/runtime';
import { approachOf } from './approach.ts';
import { challengeFor, type DeviceLoginDeps, logInByDevice } from './device-login.ts';
import { logIn, type PasswordLoginDeps } from './password-login.ts';
import { actorOf, endAll, endOne, sessionsOf } from './session-list.ts';
import { refreshSession } from './sessions.ts';
import { sourceOf } from './source.ts';

export type SessionRoutesDeps = DeviceLoginDeps & PasswordLoginDeps;

/** Mounts them. */
export function sessionRoutes(app: App, guards: Guards, deps: SessionRoutesDeps): void {
  const { proofs } = guards;
  mount(app, guards, login, async (call) => {
    return logIn(deps, call.body, await approachOf(proofs, call));
  });
  mount(app, guards, openChallenge, ({ body, connection }) => {
    return challengeFor(deps, body.device, sourceOf(connection));
  });
  mount(app, guards, loginByDevice, async (call) => {
    return logInByDevice(deps, call.body, await approachOf(proofs, call));
  });
  mount(app, guards, refresh, async (call) => {
    const { address, binding } = await approachOf(proofs, call);
    return refreshSession(deps, { ...call.body, signedBy: binding?.jkt, address });
  });
  mount(app, guards, logout, (call) => endOne(deps, actorOf(call), call.caller.session));
  mount(app, guards, logoutEverywhere, (call) => endAll(deps, actorOf(call)));
  mount(app, guards, listSessions, async ({ caller }) => ({
    sessions: await sessionsOf(deps, caller),
  }));
  mount(app, guards, endSession, (call) => {
    return endOne(deps, actorOf(call), call.params.session_id);
  });
}
