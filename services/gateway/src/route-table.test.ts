import { endpoints } from '@sotto/api';
import { ConfigError, loadConfig } from '@sotto/runtime';
import { describe, expect, it } from 'vitest';
import { GatewayConfig } from './config.ts';
import { findRoute, ROUTES, readRoutes } from './route-table.ts';

const INTERNAL_SECRET = 'a secret of the tests, long enough for anyone';
const load = (routes: string) =>
  loadConfig(GatewayConfig, { environment: { INTERNAL_SECRET, GATEWAY_ROUTES: routes } });

describe('routes', () => {
  it('lead whole segments to a service, the longest first', () => {
    const routes = readRoutes(load('/api=auth,/api/v1/keys=key').gateway.routes);
    expect(findRoute(routes, '/api/v1/keys/count')?.service).toBe('key');
    expect(findRoute(routes, '/api/v1/keys')?.service).toBe('key');
    expect(findRoute(routes, '/api/v1/keystone')?.service).toBe('auth');
    expect(findRoute(routes, '/apis')).toBeUndefined();
    expect(findRoute(routes, '/')).toBeUndefined();
  });

  it('are those of the contract when none are named', () => {
    expect(loadConfig(GatewayConfig, { environment: { INTERNAL_SECRET } }).gateway.routes).toEqual(
      ROUTES,
    );
  });

  it('lead every operation of the contract to its service', () => {
    const routes = readRoutes(ROUTES);
    for (const { id, path, service } of endpoints) {
      expect({ id, service: findRoute(routes, path)?.service }).toEqual({ id, service });
    }
  });

  it.each([
    '/internal=auth',
    '/internal/revocations=auth',
    '/INTERNAL=auth',
    '/health=auth',
    '/metrics=auth',
    '/docs=auth',
    '/asyncapi.json=auth',
    '/=auth',
    '=auth',
    'api=auth',
    '/api/=auth',
    '/api//v1=auth',
    '/api/../internal=auth',
    '/api/%69nternal=auth',
    '/api=nobody',
    '/api=http://elsewhere.example',
    '/api',
  ])('cannot be %s', (route) => {
    expect(() => load(route)).toThrow(ConfigError);
    expect(() => load(`/api/v1/auth=auth,${route}`)).toThrow(/gateway\.routes\.1/);
  });
});
