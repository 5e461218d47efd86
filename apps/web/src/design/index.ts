/** The door of the design system: every piece that screens are made of. */
export { Avatar, type AvatarPicture, type AvatarProps } from './avatar.tsx';
export { Badge } from './badge.tsx';
export { Banner, type BannerProps } from './banner.tsx';
export { Boundary, type BoundaryProps } from './boundary.tsx';
export { Button, type ButtonProps } from './button.tsx';
export { classes } from './classes.ts';
export { Dialog, type DialogProps } from './dialog.tsx';
export { EmptyState, type EmptyStateProps } from './empty-state.tsx';
export { FormDialog, type FormDialogProps } from './form-dialog.tsx';
export { IconButton, type IconButtonProps } from './icon-button.tsx';
export { type Loaded, Loading, type LoadingProps } from './loading.tsx';
export { Menu, type MenuItem, type MenuProps } from './menu.tsx';
export { hueOf } from './name-mark.ts';
export { Pane, PaneColumn, type PaneProps } from './pane.tsx';
export { placeBeside } from './place-beside.ts';
export { ProgressBar, type ProgressBarProps } from './progress-bar.tsx';
export { QrCode, type QrCodeProps } from './qr-code.tsx';
export {
  Actions,
  Failure,
  Row,
  type RowProps,
  Rows,
  Section,
  type SectionProps,
} from './section.tsx';
export { Spinner } from './spinner.tsx';
export { Switch, type SwitchProps } from './switch.tsx';
export { TextField, type TextFieldProps } from './text-field.tsx';
export { ToastProvider, useToast } from './toast.tsx';
export { useCopy } from './use-copy.ts';
