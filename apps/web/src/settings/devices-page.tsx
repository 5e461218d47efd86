/** Where the account is in use: its devices, and the sessions that are open on them. */

import { useState } from 'react';
import { Section } from '../design/index.ts';
import { DeviceList } from './device-list.tsx';
import { LinkDevice } from './link-device.tsx';
import { SessionList } from './session-list.tsx';

/** The page of devices and sessions. */
export function DevicesPage() {
  // Whoever was linked shows in both lists.
  const [linked, setLinked] = useState(0);
  return (
    <>
      <Section
        title="Your devices"
        hint="Messages are encrypted for each of these. One that you do not know should not be here."
      >
        <DeviceList key={linked} />
      </Section>
      <Section
        title="Link another device"
        hint="On the other device choose “I have an account” and “Another device of mine”. Paste or type here the code that it shows."
      >
        <LinkDevice onLinked={() => setLinked(linked + 1)} />
      </Section>
      <Section
        title="Sessions"
        hint="A session is one log-in of a device. Ending it asks that device for the password again."
      >
        <SessionList key={linked} />
      </Section>
    </>
  );
}
