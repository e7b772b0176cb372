// Asks a person who seems to have left, and signs them out when no answer comes.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import { useEffect, useRef, useState } from "react";
import { session } from "../api/session";
import { common } from "../strings/common";
import { signIn as strings } from "../strings/shell";
import { type Idle, watchIdle } from "./idle";

export function IdleGuard({ idleMinutes }: { idleMinutes: number }) {
  const [idle, setIdle] = useState<Idle>({ phase: "present" });
  const stay = useRef<() => void>(() => undefined);
  useEffect(() => {
    const watch = watchIdle(session, idleMinutes, setIdle);
    stay.current = watch.stay;
    return watch.stop;
  }, [idleMinutes]);
  if (idle.phase !== "warned") return null;
  return (
    <Modal
      visible
      header={strings.idleTitle}
      closeAriaLabel={common.close}
      onDismiss={() => stay.current()}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={() => stay.current()}>
            {strings.stay}
          </Button>
        </Box>
      }
    >
      {strings.idleText(idle.seconds)}
    </Modal>
  );
}
