/** The client of somebody who is in: the list beside what was chosen of it. */
import { MessageCircle } from 'lucide-react';
import { lazy, type ReactNode, Suspense } from 'react';
import { ChatPane } from '../chat/chat-pane.tsx';
import { ConversationsPane } from '../conversations/conversations-pane.tsx';
import { Boundary, EmptyState, Spinner } from '../design/index.ts';
import { UploadGuard } from '../files/upload-guard.tsx';
import { NotificationOffer } from '../push/notification-offer.tsx';
import { UpdateNotice } from '../push/update-notice.tsx';
import { TrustNotices } from '../trust/trust-notices.tsx';
import { Broken, NoticesBroken } from './broken.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import styles from './home.module.css';
import { Layout } from './layout.tsx';
import { pathOf, type Route, useRoute } from './route.ts';

// What few visits need comes when it is asked for; the service worker has it by then.
const SettingsPane = lazy(async () => {
  const { SettingsPane: component } = await import('../settings/settings-pane.tsx');
  return { default: component };
});
const RequestsPane = lazy(async () => {
  const { RequestsPane: component } = await import('../people/requests-pane.tsx');
  return { default: component };
});
const SafetyPane = lazy(async () => {
  const { SafetyPane: component } = await import('../trust/safety-pane.tsx');
  return { default: component };
});

/** Both panes, by the place that the address names, under what concerns the whole account. */
export function Home() {
  const route = useRoute();
  return (
    <div className={styles.home}>
      <UploadGuard />
      <div>
        <Boundary fallback={<NoticesBroken />}>
          <ConnectionNotice />
          <TrustNotices />
          <UpdateNotice />
          <NotificationOffer />
        </Boundary>
      </div>
      <Layout
        front={route.name === 'conversations' ? 'side' : 'main'}
        side={
          <Boundary fallback={<Broken />}>
            <ConversationsPane />
          </Boundary>
        }
        main={
          <Boundary fallback={<Broken />} subject={pathOf(route)}>
            <Suspense fallback={<Spinner label="Loading" />}>{paneOf(route)}</Suspense>
          </Boundary>
        }
      />
    </div>
  );
}

function paneOf(route: Route): ReactNode {
  switch (route.name) {
    case 'settings':
      return <SettingsPane page={route.page} />;
    case 'requests':
      return <RequestsPane />;
    case 'safety':
      return <SafetyPane key={route.user} user={route.user} />;
    case 'chat':
      return <ChatPane conversation={route.conversation} />;
    case 'conversations':
      return (
        <EmptyState icon={MessageCircle} title="Choose a conversation">
          Or begin one: you need nothing but a username.
        </EmptyState>
      );
  }
}
