// Asks before a page with unsaved input is left.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { holdRoute, navigate } from "../router";
import { deletion, editor as strings } from "../strings/connections";

export interface LeaveGuard {
  /** The question; the page draws it. */
  readonly modal: ReactNode;
  /** Goes to another page without asking. */
  readonly leave: (hash: string) => void;
}

export function useLeaveGuard(isDirty: boolean): LeaveGuard {
  const [target, setTarget] = useState<string>();
  const dirty = useRef(isDirty);
  dirty.current = isDirty;
  const free = useRef(false);

  useEffect(() => {
    free.current = false;
    let here = window.location.hash;
    const pathOf = (hash: string) => hash.split("?")[0];
    // A query of the same page, such as the chosen connector, leaves nothing.
    const holds = (next: string) => dirty.current && !free.current && pathOf(next) !== pathOf(here);
    const release = holdRoute(holds);
    const onHashChange = () => {
      const next = window.location.hash;
      if (holds(next)) {
        history.pushState(null, "", here);
        setTarget(next);
      } else {
        here = next;
      }
    };
    const onUnload = (event: BeforeUnloadEvent) => {
      if (dirty.current && !free.current) event.preventDefault();
    };
    window.addEventListener("hashchange", onHashChange);
    window.addEventListener("beforeunload", onUnload);
    return () => {
      release();
      window.removeEventListener("hashchange", onHashChange);
      window.removeEventListener("beforeunload", onUnload);
    };
  }, []);

  const leave = useCallback((hash: string) => {
    free.current = true;
    navigate(hash);
  }, []);

  const modal = (
    <Modal
      visible={target !== undefined}
      header={strings.leave}
      closeAriaLabel={deletion.close}
      onDismiss={() => setTarget(undefined)}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => setTarget(undefined)}>
              {strings.leaveStay}
            </Button>
            <Button
              variant="primary"
              onClick={() => {
                if (target !== undefined) leave(target);
              }}
            >
              {strings.leaveConfirm}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {strings.leaveQuestion}
    </Modal>
  );
  return { modal, leave };
}
