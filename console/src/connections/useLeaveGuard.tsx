// Asks before a page with unsaved input is left.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { navigate } from "../router";
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
    const onHashChange = (event: Event) => {
      const next = window.location.hash;
      // A query of the same page, such as the chosen connector, leaves nothing.
      if (free.current || !dirty.current || pathOf(next) === pathOf(here)) {
        here = next;
        return;
      }
      // The router must not hear of it before a person has answered.
      event.stopImmediatePropagation();
      history.pushState(null, "", here);
      setTarget(next);
    };
    const onUnload = (event: BeforeUnloadEvent) => {
      if (dirty.current && !free.current) event.preventDefault();
    };
    window.addEventListener("hashchange", onHashChange, { capture: true });
    window.addEventListener("beforeunload", onUnload);
    return () => {
      window.removeEventListener("hashchange", onHashChange, { capture: true });
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
