// Messages above the page: under way, done, to know, gone wrong. They stay until they are dismissed or
// the page is left. Who tells something to the next page goes there first and speaks then.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import Link from "@cloudscape-design/components/link";
import { errorDetails, isAborted } from "../api/errors";
import { session } from "../api/session";
import { currentRoute } from "../router";
import { shell } from "../strings/shell";
import { LongText } from "./LongText";
import { add, keepOf, type Notification, type NotificationLink, remove } from "./notification-list";
import { createStore, useStore } from "./store";

export interface Notifications {
  success: (text: string, link?: NotificationLink) => void;
  info: (text: string) => void;
  /** Shows an error in the server's words, with what an operator asks for. */
  error: (error: unknown, header?: string) => void;
  clear: () => void;
}

/** What a page says of something under way, for as long as it lasts. */
export interface Progress {
  header: string;
  text: string;
  /** What a person can do about it. */
  action?: { text: string; onClick: () => void };
}

const list = createStore<Notification[]>([]);
const progress = createStore<Progress | undefined>(undefined);
let counter = 0;

/** What tells one page from another: another tab or filter of a page is no other page. */
export function pageOf(segments: readonly string[]): string {
  return segments.join("/");
}

function push(notification: Omit<Notification, "id" | "page">): void {
  // Requests that fail because the session has ended: the sign-in page says why.
  if (session.state().status !== "signedIn") return;
  list.set(add(list.get(), { ...notification, id: String(++counter), page: pageOf(currentRoute().segments) }));
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

/** Takes away what was said about the page before. */
export function arriveAt(page: string): void {
  list.set(keepOf(list.get(), page));
}

/** Shows something under way above all messages; nothing takes it away again. */
export function showProgress(shown: Progress | undefined): void {
  progress.set(shown);
}

export function useNotifications(): Notifications {
  return notifications;
}

/** The bar itself; the shell shows it. */
export function NotificationBar() {
  const shown = useStore(progress);
  const told = useStore(list).map(toItem);
  const items = shown === undefined ? told : [toProgress(shown), ...told];
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

function toProgress({ header, text, action }: Progress): FlashbarProps.MessageDefinition {
  return {
    id: "progress",
    type: "in-progress",
    loading: true,
    header: <span className="tg-wrap">{header}</span>,
    content: text,
    action: action === undefined ? undefined : <Button onClick={action.onClick}>{action.text}</Button>,
  };
}

function toItem(notification: Notification): FlashbarProps.MessageDefinition {
  const { id, type, header, text, link, code, requestId } = notification;
  const details = [code, requestId === undefined ? undefined : shell.requestId(requestId)].filter(Boolean);
  return {
    id,
    type,
    header: header === undefined ? undefined : <span className="tg-wrap">{header}</span>,
    content: (
      <>
        <LongText text={text} />
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
