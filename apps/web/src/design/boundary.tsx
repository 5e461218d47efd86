/** Keeps what cannot be drawn from taking more away than itself: React removes everything up to the next boundary. */
import { Component, type ReactNode } from 'react';

export interface BoundaryProps {
  children: ReactNode;
  /** In the place of what cannot be drawn. */
  fallback: ReactNode;
  /** What is drawn: another one is a reason to try again. */
  subject?: unknown;
}

/** A part of the page that may fail alone. A class, because React hears of errors in no other way. */
export class Boundary extends Component<BoundaryProps, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true };
  }

  override componentDidUpdate({ subject }: BoundaryProps): void {
    if (this.state.isBroken && subject !== this.props.subject) this.setState({ isBroken: false });
  }

  override render(): ReactNode {
    return this.state.isBroken ? this.props.fallback : this.props.children;
  }
}
