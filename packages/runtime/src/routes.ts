/** Which methods a path takes, from the routes that were mounted: the difference between 404 and 405. */

interface Route {
  method: string;
  path: string;
}

/** The methods of all routes that match the path; empty when there is nothing at the path. */
export function allowedMethods(routes: readonly Route[], path: string): string[] {
  const methods = new Set<string>();
  for (const route of routes) {
    if (route.method === 'ALL' || !matches(route.path, path)) continue;
    methods.add(route.method);
    if (route.method === 'GET') methods.add('HEAD');
  }
  return [...methods].sort();
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const given = path.split('/');
  if (expected.at(-1) === '*' && given.length >= expected.length) expected.pop();
  else if (expected.length !== given.length) return false;
  return expected.every((part, index) => {
    return part === given[index] || (part.startsWith(':') && given[index] !== '');
  });
}
