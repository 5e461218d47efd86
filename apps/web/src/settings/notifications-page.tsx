/** When this browser tells of messages while no page is open. */
import { NotificationSwitch } from '../push/notification-switch.tsx';
import { Section } from './section.tsx';

/** The page. */
export function NotificationsPage() {
  return (
    <Section title="In this browser">
      <NotificationSwitch />
    </Section>
  );
}
