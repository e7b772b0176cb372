// Messages above the page: done, to know, gone wrong. They stay until they are dismissed.
import Box from "@cloudscape-design/components/box";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import Link from "@cloudscape-design/components/link";
import { errorDetails, isAborted } from "../api/errors";
import { session } from "../api/session";
import { shell } from "../strings/shell";
import { add, type Notification, type NotificationLink, remove } from "./notification-list";
import { createStore, useStore } from "./store";

export interface Notifications {
  success: (text: string, link?: NotificationLink) => void;
  info: (text: string) => void;
  /** Shows an error in the server's words, with what an operator asks for. */
  error: (error: unknown, header?: string) => void;
  clear: () => void;
}

const list = createStore<Notification[]>([]);
let counter = 0;

function push(notification: Omit<Notification, "id">): void {
  // Requests that fail because the session has ended: the sign-in page says why.
  if (session.state().status !== "signedIn") return;
  list.set(add(list.get(), { ...notification, id: String(++counter) }));
}

/** The same functions outside a component. */
export const notifications: Notifications = {
  success: (text, link) => push({ type: "success", text, ...(link === undefined ? {} : { link }) }),
  info: (text) => push({ type: "info", text }),
  error: (error, header) => {
    if (isAborted(error)) return;
    const { message, code, requestId } = errorDetails(error);
    push({
      type: "error",
      text: message,
      ...(header === undefined ? {} : { header }),
      ...(code === undefined ? {} : { code }),
      ...(requestId === undefined ? {} : { requestId }),
    });
  },
  clear: () => list.set([]),
};

export function useNotifications(): Notifications {
  return notifications;
}

/** The bar itself; the shell shows it. */
export function NotificationBar() {
  const items = useStore(list).map(toItem);
  return (
    <Flashbar
      items={items}
      stackItems={items.length > 3}
      i18nStrings={{
        ariaLabel: shell.notifications,
        successIconAriaLabel: shell.success,
        infoIconAriaLabel: shell.information,
        errorIconAriaLabel: shell.error,
        warningIconAriaLabel: shell.warning,
        inProgressIconAriaLabel: shell.inProgress,
        notificationBarText: shell.notifications,
        notificationBarAriaLabel: shell.toggleNotifications,
      }}
    />
  );
}

function toItem(notification: Notification): FlashbarProps.MessageDefinition {
  const { id, type, header, text, link, code, requestId } = notification;
  const details = [code, requestId === undefined ? undefined : shell.requestId(requestId)].filter(Boolean);
  return {
    id,
    type,
    header,
    content: (
      <>
        {text}
        {link === undefined ? null : (
          <>
            {" "}
            <Link href={link.href} color="inverted">
              {link.text}
            </Link>
          </>
        )}
        {details.length === 0 ? null : (
          <Box color="inherit" fontSize="body-s">
            {details.join(" · ")}
          </Box>
        )}
      </>
    ),
    dismissible: true,
    dismissLabel: shell.dismiss,
    onDismiss: () => list.set(remove(list.get(), id)),
    ariaRole: type === "error" ? "alert" : "status",
  };
}
