/** The door of the design system: every piece that screens are made of. */
export { Avatar, type AvatarPicture, type AvatarProps } from './avatar.tsx';
export { Badge } from './badge.tsx';
export { Banner, type BannerProps } from './banner.tsx';
export { Boundary, type BoundaryProps } from './boundary.tsx';
export { Button, type ButtonProps } from './button.tsx';
export { classes } from './classes.ts';
export { Dialog, type DialogProps } from './dialog.tsx';
export { EmptyState, type EmptyStateProps } from './empty-state.tsx';
export { IconButton, type IconButtonProps } from './icon-button.tsx';
export { Menu, type MenuItem, type MenuProps } from './menu.tsx';
export { initialsOf } from './name-mark.ts';
export { placeBeside } from './place-beside.ts';
export { ProgressBar, type ProgressBarProps } from './progress-bar.tsx';
export { QrCode, type QrCodeProps } from './qr-code.tsx';
export { Spinner } from './spinner.tsx';
export { Switch, type SwitchProps } from './switch.tsx';
export { TextField, type TextFieldProps } from './text-field.tsx';
export { ToastProvider, useToast } from './toast.tsx';
