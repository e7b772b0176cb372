// Tests connections and says how it went.
import { useCallback, useState } from "react";
import { type HealthResult, testConnection } from "../api/extensions";
import { useNotifications } from "../shell/notifications";
import { connections as strings } from "../strings/connections";

/** A running test by name, and the function that starts one. */
export interface Tester {
  readonly testing: ReadonlySet<string>;
  readonly test: (name: string) => Promise<void>;
}

const header: Readonly<Record<HealthResult, (name: string) => string>> = strings.testResult;

/** `onDone` hears that a test has ended, however it did. */
export function useTest(onDone: () => void): Tester {
  const [testing, setTesting] = useState<ReadonlySet<string>>(new Set());
  const notifications = useNotifications();
  const test = useCallback(
    async (name: string) => {
      setTesting((before) => new Set(before).add(name));
      try {
        const { result, message } = await testConnection(name);
        const title = header[result](name);
        if (result === "Proved") notifications.success(`${title}. ${message}`);
        else if (result === "CannotBeTested") notifications.info(`${title}. ${message}`);
        else notifications.error(message, title);
      } catch (error) {
        notifications.error(error, strings.testFailed(name));
      } finally {
        setTesting((before) => new Set([...before].filter((one) => one !== name)));
        onDone();
      }
    },
    [notifications, onDone],
  );
  return { testing, test };
}
