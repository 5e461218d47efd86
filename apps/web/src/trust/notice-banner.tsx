/** A banner that stands until somebody has read it. */
import type { Notice } from '@sotto/client';
import { useAlarms } from '@sotto/hooks';
import type { ReactNode } from 'react';
import { Banner, type BannerProps, Button } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';

interface NoticeProps extends Pick<BannerProps, 'tone'> {
  notice: Notice;
  /** What has happened, in words. */
  children: ReactNode;
}

/** Tells of a notice. "Understood" puts away what is shown here, and nothing that comes in its place meanwhile. */
export function NoticeBanner({ notice, tone, children }: NoticeProps) {
  const { book } = useAlarms();
  const task = useTask();
  const putAway = () => void task.run(() => book.dismiss(notice));
  return (
    <Banner tone={tone} action={<Button onClick={putAway}>Understood</Button>}>
      {children} {task.error}
    </Banner>
  );
}
