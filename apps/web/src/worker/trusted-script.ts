/** Which scripts the page may start beside its own: the page's policy lets no other text become one. */

/** The part of Trusted Types that is used; browsers without them take a string. */
interface Factory {
  createPolicy(
    name: string,
    rules: { createScriptURL: (address: string) => string },
  ): { createScriptURL(address: string): string };
}

/** The name that the gateway's policy allows. */
const POLICY = 'sotto';
const OURS = /^\/(service-worker\.js|assets\/[\w-]+\.js|src\/worker\/main\.ts)(\?[\w&=]*)?$/;

const { trustedTypes } = globalThis as typeof globalThis & { trustedTypes?: Factory };
const policy = trustedTypes?.createPolicy(POLICY, { createScriptURL: checked });

/** The address of a script of this origin, as browsers want it said. Throws a `TypeError` for any other. */
export function trustedScript(path: string): string {
  return policy === undefined ? checked(path) : policy.createScriptURL(path);
}

function checked(path: string): string {
  if (OURS.test(path)) return path;
  throw new TypeError('not a script of this page');
}
