/** When this browser tells of messages while no page is open. */

import { Section } from '../design/index.ts';
import { NotificationSwitch } from '../push/notification-switch.tsx';

/** The page. */
export function NotificationsPage() {
  return (
    <Section title="In this browser">
      <NotificationSwitch />
    </Section>
  );
}
