/** What kind of file it is. */
import {
  File,
  FileArchive,
  FileAudio,
  FileImage,
  FileText,
  FileVideo,
  type LucideIcon,
} from 'lucide-react';

const ICONS: readonly (readonly [RegExp, LucideIcon])[] = [
  [/^image\//, FileImage],
  [/^video\//, FileVideo],
  [/^audio\//, FileAudio],
  [/^text\/|pdf|document/, FileText],
  [/zip|tar|compressed/, FileArchive],
];

/** A sign for a media type. */
export function FileIcon({ mediaType }: { mediaType: string }) {
  const Icon = ICONS.find(([type]) => type.test(mediaType))?.[1] ?? File;
  return <Icon size={22} strokeWidth={1.5} aria-hidden />;
}
