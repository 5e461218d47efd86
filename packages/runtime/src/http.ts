/**
 * The HTTP app of a service: request ids, access log, health, metrics, and one place where errors become answers.
 *
 * Knows nothing of endpoints; `mount.ts` adds those.
 */
import { ApiError } from '@sotto/api';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { withDeadline } from './deadline.ts';
import { READY_DEADLINE_MS } from './limits.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { ProblemWithHeaders, problemResponse, toApiError } from './problem-response.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import { allowedMethods } from './routes.ts';
import { sameSecret } from './secret.ts';
import type { Connection } from './service.ts';

export interface AppVariables {
  requestId: string;
  /** The pattern that the request matched; set by whoever answers it. */
  route: string;
  /** What the answer says beside what its maker put into it, whether it is a success or a problem. */
  answerHeaders?: Readonly<Record<string, string>>;
  /** Hears of an answer that failed on its way. */
  answerBroken: AnswerBroken;
}

type AnswerBroken = (of: { requestId: string; route: string }, error: unknown) => void;

/** What handlers find in their context; `env` is the second argument of the app's `fetch`. */
export interface AppEnv {
  Variables: AppVariables;
  Bindings?: Connection;
}

export type App = Hono<AppEnv>;

export interface AppOptions {
  service: string;
  log: Logger;
  metrics: Metrics;
  /** Rejects when the service cannot work now; asked by `/health/ready`. */
  ready?: () => Promise<void>;
  /** Given by those who also answer requests without the app. */
  meter?: RequestMeter;
  /** Set where strangers reach the port: `/metrics` then wants it as a bearer token, and is not found without. */
  metricsToken?: string;
}

/** An app without endpoints. Every failure, also of routes that do not exist, is answered as problem+json. */
export function createApp(options: AppOptions): App {
  const app: App = new Hono({ strict: true });
  app.use(observe(options));
  app.notFound((context) => answerError(context, unmatched(app, context), options.log));
  app.onError((error, context) => answerError(context, error, options.log));
  app.get('/health/live', () => Response.json({ status: 'live' }, { headers: NO_STORE }));
  app.get('/health/ready', readiness(options));
  app.get('/metrics', exposition(options));
  return app;
}

const NO_STORE = { 'cache-control': 'no-store' };

/** One request that was answered. */
export interface Answered {
  requestId: string;
  method: string;
  route: string;
  status: number;
  durationMs: number;
}

/** Counts a request, and logs it at the level `debug`. */
export type RequestMeter = (answered: Answered) => void;

/** The one meter of a service. */
export function createRequestMeter({
  log,
  metrics,
}: Pick<AppOptions, 'log' | 'metrics'>): RequestMeter {
  const seconds = metrics.histogram('http_request_seconds', 'Requests by route and status', {
    labels: ['method', 'route', 'status'],
  });
  return ({ method: given, route, status, durationMs, requestId }) => {
    const method = knownMethod(given);
    seconds.observe({ method, route, status }, durationMs / 1000);
    log.debug('request', { requestId, method, route, status, durationMs });
  };
}

/** Names the request, measures it, and sees to it that a HEAD request leaves no stream open. */
function observe(options: AppOptions): MiddlewareHandler<AppEnv> {
  const meter = options.meter ?? createRequestMeter(options);
  const answerBroken = createAnswerBroken(options);
  return async (context, next) => {
    const started = performance.now();
    const requestId = requestIdOf(context.req.raw);
    context.set('requestId', requestId);
    context.set('route', 'none');
    context.set('answerBroken', answerBroken);
    await next();
    complete(context, { ...context.get('answerHeaders'), [REQUEST_ID_HEADER]: requestId });
    const { method } = context.req;
    if (method === 'HEAD' && context.res.body !== null) await context.res.body.cancel();
    const durationMs = performance.now() - started;
    const { status } = context.res;
    meter({ requestId, method, route: context.get('route'), status, durationMs });
  };
}

function createAnswerBroken({ metrics, log }: AppOptions): AnswerBroken {
  const broken = metrics.counter(
    'http_answers_broken_total',
    'Answers that failed on their way, their connections with them',
    ['route'],
  );
  return ({ requestId, route }, error) => {
    broken.inc({ route });
    log.warn('an answer broke off', { requestId, route, error });
  };
}

/** A redirect's headers, and those of an answer that was fetched elsewhere, cannot be changed but copied. */
function complete(context: Context, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (context.res.headers.get(name) === value) continue;
    try {
      context.res.headers.set(name, value);
    } catch {
      context.res = new Response(context.res.body, context.res);
      context.res.headers.set(name, value);
    }
  }
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Methods are the sender's words: only known ones become labels and log fields. */
function knownMethod(method: string): string {
  return METHODS.has(method) ? method : 'OTHER';
}

function unmatched(app: App, context: Context): ApiError {
  const methods = allowedMethods(app.routes, context.req.path);
  return methods.length > 0
    ? new ProblemWithHeaders('route.method-not-allowed', { allow: methods.join(', ') })
    : new ApiError('route.not-found');
}

function answerError(context: Context<AppEnv>, thrown: unknown, log: Logger): Response {
  const error = toApiError(thrown);
  const requestId = context.get('requestId') ?? requestIdOf(context.req.raw);
  const fields = { requestId, route: context.get('route'), code: error.code };
  if (error.code === 'internal') log.error('request failed', { ...fields, error: thrown });
  else if (error.status === 503) log.warn('request refused', { ...fields, error: thrown });
  return problemResponse(error, requestId);
}

function readiness({ ready, log }: AppOptions) {
  // Probes that come together share one check: a stranger cannot multiply the load on the database.
  let checking: Promise<void> | undefined;
  return async (context: Context<AppEnv>): Promise<Response> => {
    context.set('route', '/health/ready');
    checking ??= withDeadline(ready?.() ?? Promise.resolve(), READY_DEADLINE_MS).finally(() => {
      checking = undefined;
    });
    try {
      await checking;
    } catch (error) {
      log.warn('not ready', { error });
      throw new ApiError('service.unavailable', { retryAfter: 1 });
    }
    return Response.json({ status: 'ready' }, { headers: NO_STORE });
  };
}

function exposition({ metrics, metricsToken }: AppOptions) {
  return async (context: Context<AppEnv>): Promise<Response> => {
    const given = context.req.header('authorization') ?? '';
    if (metricsToken !== undefined && !sameSecret(given, `Bearer ${metricsToken}`)) {
      throw new ApiError('route.not-found');
    }
    context.set('route', '/metrics');
    return new Response(await metrics.text(), {
      headers: { ...NO_STORE, 'content-type': metrics.contentType },
    });
  };
}
