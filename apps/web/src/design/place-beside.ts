/** Where something that floats over the page stands. */

const GAP_PX = 4;

/** Puts a shown popover below what opened it, or above where there is no room, and never outside the window. */
export function placeBeside(floating: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const { width, height } = floating.getBoundingClientRect();
  const isRightToLeft = getComputedStyle(anchor).direction === 'rtl';
  // Aligned with the end of the button, where menus of a bar have their room.
  const wished = isRightToLeft ? at.left : at.right - width;
  const hasRoomBelow = at.bottom + GAP_PX + height <= innerHeight;
  const top = hasRoomBelow ? at.bottom + GAP_PX : at.top - GAP_PX - height;
  floating.style.left = `${clamp(wished, innerWidth - width)}px`;
  floating.style.top = `${clamp(top, innerHeight - height)}px`;
}

function clamp(value: number, max: number): number {
  return Math.max(GAP_PX, Math.min(value, max - GAP_PX));
}
