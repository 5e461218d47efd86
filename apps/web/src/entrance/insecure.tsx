/** What is told to who has come by an address that browsers do not trust. */
import { ShieldAlert } from 'lucide-react';
import { EmptyState } from '../design/index.ts';
import { Frame } from './frame.tsx';
import styles from './insecure.module.css';
import { type Lack, secureAddress } from './surroundings.ts';

/** Why Sotto cannot run here, and what to do about it. */
export function Insecure({ lack }: { lack: Lack }) {
  return (
    <Frame>
      <EmptyState
        icon={ShieldAlert}
        title={lack === 'security' ? 'This address is not safe enough' : 'This browser is too old'}
      >
        {lack === 'security' ? <NotSecure /> : <TooOld />}
      </EmptyState>
    </Frame>
  );
}

function NotSecure() {
  return (
    <div className={styles.words}>
      <p>
        You came by plain HTTP. Others on the way could change this page and read what you write, so
        browsers give it no keys, and Sotto does not begin.
      </p>
      <p>
        Try <a href={secureAddress(location.href)}>{secureAddress(location.href)}</a>.
      </p>
      <p>
        Is this your server? On this machine open <code>http://localhost:{location.port}</code>. For
        phones and others on your network start it with <code>npm start -- --lan</code>.
      </p>
    </div>
  );
}

function TooOld() {
  return (
    <p>
      Sotto needs a browser of 2024 or newer, and storage: private windows of some browsers have
      none. Update it, or try another one.
    </p>
  );
}
