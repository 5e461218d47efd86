/** Which web pages may open a WebSocket. Browsers send the Origin header themselves; everyone else can leave it out. */

/** True for a request without an origin, from a listed origin or, when none is listed, from the host that it goes to. */
export function mayConnect(
  { origin, host }: { origin?: string | undefined; host?: string | undefined },
  origins: readonly string[],
): boolean {
  if (origin === undefined) return true;
  if (origins.length > 0) return origins.includes(origin);
  // The scheme may differ: TLS may end at a proxy before us.
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
