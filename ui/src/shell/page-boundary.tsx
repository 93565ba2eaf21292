import { Component, type ReactNode } from 'react';
import { ErrorState } from '../parts/states.tsx';

interface Props {
  readonly children: ReactNode;
}

/** A failed page affects neither the frame nor the other pages. (React has no function component for this.) */
export class PageBoundary extends Component<Props, { readonly error: Error | null }> {
  override state = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <ErrorState error={this.state.error} onRetry={() => location.reload()} />;
  }
}
