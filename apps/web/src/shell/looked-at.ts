/** Whether somebody looks at this page. */

/** It is in view, and what is typed would go to it. */
export function isLookedAt(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
