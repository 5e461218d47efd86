/** The client of somebody who is in: the list beside what was chosen of it. */
import { MessageCircle } from 'lucide-react';
import { EmptyState } from '../design/index.ts';
import { Layout } from './layout.tsx';
import { useRoute } from './route.ts';

/** Both panes, by the place that the address names. */
export function Home() {
  const route = useRoute();
  return (
    <Layout
      front={route.name === 'conversations' ? 'side' : 'main'}
      side={<EmptyState icon={MessageCircle} title="No conversations yet" />}
      main={<EmptyState icon={MessageCircle} title="Choose a conversation" />}
    />
  );
}
