/** What stands where a part of the page could not be drawn, or its code not be had. */
import { TriangleAlert } from 'lucide-react';
import { Banner, Button, Dialog, EmptyState } from '../design/index.ts';

const reload = <Button onClick={() => location.reload()}>Reload</Button>;
const words =
  'Nothing of yours is lost. There may be a new version, or no connection: reload the page.';

/** In the place of a pane, or of the whole page. */
export function Broken() {
  return (
    <EmptyState icon={TriangleAlert} title="This part of Sotto cannot be shown" action={reload}>
      {words}
    </EmptyState>
  );
}

/** In the place of a dialog. */
export function BrokenDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="This cannot be shown" onClose={onClose} actions={reload}>
      <p>{words}</p>
    </Dialog>
  );
}

/** In the place of what concerns the whole account: there may be a warning among it. */
export function NoticesBroken() {
  return (
    <Banner tone="warning" action={reload}>
      Sotto has something to tell you that it cannot show.
    </Banner>
  );
}
