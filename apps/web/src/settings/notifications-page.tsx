/** When this browser tells of messages while no page is open. */
import { Section } from './section.tsx';

/** The page. */
export function NotificationsPage() {
  return (
    <Section
      title="In this browser"
      hint="This browser tells you of messages while Sotto is open."
    />
  );
}
