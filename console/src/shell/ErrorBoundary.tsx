// Shows what broke a page instead of an empty one, and lets the person go on.
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { Component, type ReactNode } from "react";
import { errorText } from "../api/errors";
import { shell } from "../strings/shell";

interface Props {
  /** Another value, usually the address, gives the page a new chance. */
  resetKey: string;
  children: ReactNode;
}

interface State {
  error: unknown;
  failed: boolean;
  resetKey: string;
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: undefined, failed: false, resetKey: this.props.resetKey };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error, failed: true };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    if (props.resetKey === state.resetKey) return null;
    return { error: undefined, failed: false, resetKey: props.resetKey };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    const chunk = isChunkError(this.state.error);
    return (
      <Alert
        type="error"
        header={shell.brokenTitle}
        action={
          <SpaceBetween direction="horizontal" size="xs">
            {chunk ? null : (
              <Button onClick={() => this.setState({ error: undefined, failed: false })}>{shell.tryAgain}</Button>
            )}
            <Button onClick={() => window.location.reload()}>{shell.reload}</Button>
          </SpaceBetween>
        }
      >
        {chunk ? shell.brokenChunk : errorText(this.state.error)}
      </Alert>
    );
  }
}

/** Browsers word it differently when a page's script cannot be loaded. */
export function isChunkError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /dynamically imported module|importing a module script|preload css/i.test(error.message)
  );
}
