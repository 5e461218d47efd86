/** A new version of the page waits for the person to want it. */
import { useObservable } from '@sotto/hooks';
import { Banner, Button } from '../design/index.ts';
import { type ShellUpdates, watchShell } from './shell-updates.ts';

let updates: ShellUpdates | undefined;

/** Begins to keep the page once it is whole, where the browser can and the page was built. To be called once. */
export function keepPage(): void {
  if (!import.meta.env?.PROD || !('serviceWorker' in navigator)) return;
  const whole = document.readyState === 'complete' ? Promise.resolve() : loaded();
  updates = watchShell(navigator.serviceWorker, {
    time: whole,
    reload: () => location.reload(),
  });
}

function loaded(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  addEventListener('load', () => resolve(), { once: true });
  return promise;
}

/** A banner when a new version is there. */
export function UpdateNotice() {
  return updates === undefined ? null : <Waiting updates={updates} />;
}

function Waiting({ updates: { apply, ...waiting } }: { updates: ShellUpdates }) {
  if (!useObservable(waiting)) return null;
  return (
    <Banner tone="info" action={<Button onClick={apply}>Update</Button>}>
      A new version of Sotto is here.
    </Banner>
  );
}
